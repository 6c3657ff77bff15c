-- +goose Up

CREATE TRIGGER username_given AFTER INSERT OR UPDATE OF username ON gatepost."user"
    FOR EACH ROW WHEN (NEW.username IS NOT NULL) EXECUTE FUNCTION gatepost.username_given();
