-- +goose Up

-- One row for each decision about a person, as the audit lines of the log. Users are kept by id, beyond their deletion; what strangers
-- typed is not kept at all.
CREATE TABLE gatepost.audit_event (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at         timestamptz NOT NULL,
    event      text        NOT NULL, -- sign-in, change-password, …
    result     text        NOT NULL, -- ok, bad_credentials, …
    user_id    text,                 -- null: nobody that is known
    client     text,                 -- network address; null: a command
    request_id text
);
CREATE INDEX audit_event_at ON gatepost.audit_event (at);
CREATE INDEX audit_event_user_id ON gatepost.audit_event (user_id, at) WHERE user_id IS NOT NULL;
