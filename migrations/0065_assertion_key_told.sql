-- +goose Up

-- All gates hear of a change at once, and forget what they have signed.
-- +goose StatementBegin
CREATE FUNCTION gatepost.assertion_key_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM gatepost.tell(ARRAY['*']);
    RETURN NULL;
END $$;
-- +goose StatementEnd

CREATE TRIGGER assertion_key_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON gatepost.assertion_key
    FOR EACH STATEMENT EXECUTE FUNCTION gatepost.assertion_key_changed();
