-- +goose Up

-- Whatever writes a name takes it for good. The name of another user, or of one who was deleted, is refused as if it
-- were there twice.
-- +goose StatementBegin
CREATE FUNCTION gatepost.username_given() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    digest text := encode(sha256(convert_to(NEW.username, 'UTF8')), 'hex');
BEGIN
    INSERT INTO gatepost.username_taken (hash, user_id) VALUES (digest, NEW.id) ON CONFLICT (hash) DO NOTHING;
    IF NOT EXISTS (SELECT FROM gatepost.username_taken WHERE hash = digest AND user_id = NEW.id) THEN
        RAISE EXCEPTION 'the username % is another user''s, or was one''s', NEW.username
            USING ERRCODE = 'unique_violation', CONSTRAINT = 'user_username_key', SCHEMA = 'gatepost', TABLE = 'user',
                HINT = 'Names are not given again, as apps go by them.';
    END IF;
    RETURN NULL;
END $$;
-- +goose StatementEnd

-- The names that were given. A row stays when its user gets another name, who may have this one back, and when they are
-- deleted: then nobody may.
CREATE TABLE gatepost.username_taken (
    hash       text        COLLATE "C" PRIMARY KEY, -- hex SHA-256 of the name
    user_id    text        REFERENCES gatepost."user" (id) ON DELETE SET NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX username_taken_user_id ON gatepost.username_taken (user_id) WHERE user_id IS NOT NULL;
