-- +goose Up

-- What no app sees makes no event, and asks nobody whether one is wanted.
CREATE TRIGGER webhook_changed AFTER UPDATE ON gatepost."user" FOR EACH ROW
    WHEN ((OLD.id, OLD.email, OLD.email_verified, OLD.name, OLD.username, OLD.image, OLD.role, OLD.disabled_at IS NULL)
        IS DISTINCT FROM
        (NEW.id, NEW.email, NEW.email_verified, NEW.name, NEW.username, NEW.image, NEW.role, NEW.disabled_at IS NULL))
    EXECUTE FUNCTION gatepost.webhook_user();
