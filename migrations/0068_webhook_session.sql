-- +goose Up

CREATE TRIGGER webhook_session AFTER DELETE ON gatepost.session
    FOR EACH ROW EXECUTE FUNCTION gatepost.webhook_session();
