-- +goose Up

CREATE TRIGGER claims_gone AFTER DELETE ON gatepost.account
    REFERENCING OLD TABLE AS moved_rows FOR EACH STATEMENT EXECUTE FUNCTION gatepost.claims_moved();
