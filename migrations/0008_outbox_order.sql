-- +goose Up

-- What is new goes before what failed, and the limits of an address look for its mail.
DROP INDEX gatepost.outbox_due_at;
CREATE INDEX outbox_due_at ON gatepost.outbox ((attempts > 0), due_at);
CREATE INDEX outbox_email ON gatepost.outbox (email);
