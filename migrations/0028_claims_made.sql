-- +goose Up

CREATE TRIGGER claims_made AFTER INSERT ON gatepost.account
    REFERENCING NEW TABLE AS moved_rows FOR EACH STATEMENT EXECUTE FUNCTION gatepost.claims_moved();
