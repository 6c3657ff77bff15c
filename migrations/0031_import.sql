-- +goose Up

-- +goose StatementBegin
CREATE FUNCTION gatepost.import_forgotten() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.wrote = NULL;
    RETURN NEW;
END $$;
-- +goose StatementEnd

-- Who came from another system, so that running an import again brings over what is new and no more. A user who was deleted here keeps
-- the row without anything about them, and is never made again.
CREATE TABLE gatepost.import_record (
    source     text        NOT NULL,             -- better-auth, supabase, …
    source_id  text        COLLATE "C" NOT NULL, -- the id of the user there
    user_id    text REFERENCES gatepost."user" (id) ON DELETE SET NULL,
    wrote      jsonb,                            -- for each field a digest of the value that the import wrote last
    closed_at  timestamptz,                      -- since then no session of the source counts: the password was changed here, or all sessions ended
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (source, source_id)
);
CREATE INDEX import_record_user_id ON gatepost.import_record (user_id) WHERE user_id IS NOT NULL;

CREATE TRIGGER import_forgotten BEFORE UPDATE OF user_id ON gatepost.import_record
    FOR EACH ROW WHEN (NEW.user_id IS NULL) EXECUTE FUNCTION gatepost.import_forgotten();
