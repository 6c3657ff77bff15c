-- +goose Up

-- A user has one password. An import, or a hand, could give a user two rows that hold one, as nothing but issuer and account_id was
-- unique: after a reset the old password went on to work and the new one did not. Of several the latest written one that has a password
-- stays what it is; the others are renamed and kept.
-- +goose StatementBegin
DO $$
DECLARE superseded bigint;
BEGIN
    UPDATE gatepost.account a SET provider_id = 'credential-superseded'
    FROM (SELECT id, row_number() OVER (PARTITION BY user_id
              ORDER BY coalesce(password, '') <> '' DESC, updated_at DESC, created_at DESC, id DESC) AS place
          FROM gatepost.account WHERE provider_id = 'credential') ranked
    WHERE ranked.id = a.id AND ranked.place > 1;
    GET DIAGNOSTICS superseded = ROW_COUNT;
    IF superseded > 0 THEN
        RAISE WARNING 'some users had several passwords in gatepost.account: the latest written one of each works on, and % others are kept with the provider_id credential-superseded', superseded;
    END IF;
END $$;
-- +goose StatementEnd
