-- +goose Up

-- Back-channel logout tokens that were accepted: each works once.
CREATE TABLE gatepost.logout_token (
    id         text        PRIMARY KEY,     -- SHA-256 of issuer and jti
    expires_at timestamptz NOT NULL
);
CREATE INDEX logout_token_expires_at ON gatepost.logout_token (expires_at);

-- A sign-in under way at a provider. Whoever reads this table learns no secret of it: the browser's cookie has the key from which state,
-- nonce and PKCE verifier are made, and only hashes are here.
CREATE TABLE gatepost.provider_flow (
    state        text        PRIMARY KEY,   -- SHA-256 of the parameter state
    browser      text        NOT NULL,      -- SHA-256 of the key in the browser's cookie
    provider     text        NOT NULL,
    purpose      text        NOT NULL,      -- sign-in, link, confirm
    next         text        NOT NULL,      -- the page asked for; empty: none
    remember     boolean     NOT NULL,
    max_age      integer     NOT NULL,      -- the greatest age of the proof, in seconds; 0: any
    user_id      text REFERENCES gatepost."user" (id) ON DELETE CASCADE, -- whose session or claim it is for; null: anybody
    session      text,                      -- SHA-256 of the session it began in; null: any or none
    link         text,                      -- SHA-256 of the mailed link it began from; null: none
    network      text        NOT NULL,      -- where it began: the narrowest network
    wide         text        NOT NULL,      -- and the widest
    parked       bytea,                     -- the answer of a form_post, encrypted with the state
    parked_until timestamptz,
    identity     bytea,                     -- the callback was answered, and this is who is to prove an account here, encrypted with the browser's key; null: under way
    created_at   timestamptz NOT NULL DEFAULT now(),
    expires_at   timestamptz NOT NULL
);
CREATE INDEX provider_flow_network ON gatepost.provider_flow (network, created_at);
CREATE INDEX provider_flow_wide ON gatepost.provider_flow (wide, created_at);
CREATE INDEX provider_flow_expires_at ON gatepost.provider_flow (expires_at);
CREATE INDEX provider_flow_user_id ON gatepost.provider_flow (user_id) WHERE user_id IS NOT NULL;
