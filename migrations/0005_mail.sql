-- +goose Up

-- What a mailed link opens. Its row is found by the hash of the token the link carries.
ALTER TABLE gatepost.verification
    ADD COLUMN user_id text REFERENCES gatepost."user" (id) ON DELETE CASCADE, -- null: an invitation
    ADD COLUMN email   text, -- the address the link was sent to
    ADD COLUMN role    text, -- what an invitation gives
    ADD COLUMN mailed  boolean NOT NULL DEFAULT true,   -- false: an operator hands it over
    ADD COLUMN claims  boolean NOT NULL DEFAULT false;  -- the address is kept for the user while the link works
CREATE INDEX verification_value ON gatepost.verification (value);
CREATE INDEX verification_email ON gatepost.verification (email);
CREATE INDEX verification_user_id ON gatepost.verification (user_id) WHERE user_id IS NOT NULL;

-- Mail that is to be sent. A row holds no secret: the token of a link is made when the mail is sent, at every attempt anew.
CREATE TABLE gatepost.outbox (
    id         text PRIMARY KEY,
    kind       text        NOT NULL,
    user_id    text REFERENCES gatepost."user" (id) ON DELETE CASCADE, -- null: an invitation
    email      text        NOT NULL, -- the one recipient
    language   text        NOT NULL,
    facts      jsonb       NOT NULL, -- what the mail tells
    attempts   integer     NOT NULL DEFAULT 0,
    failure    text,                 -- of the last attempt
    due_at     timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL, -- nobody wants it any more
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX outbox_due_at ON gatepost.outbox (due_at);
CREATE INDEX outbox_expires_at ON gatepost.outbox (expires_at);
CREATE INDEX outbox_user_id ON gatepost.outbox (user_id) WHERE user_id IS NOT NULL;
