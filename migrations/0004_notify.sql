-- +goose Up

-- Gates keep the sessions they have looked up for a moment. Whatever makes such a copy wrong, whoever does it, is told on
-- the channel gatepost with the id of the user it is about, or * when it is about many. What happens all the time (a new
-- session, its sliding expiry, the sweep of expired ones, a counted password) tells nothing: NOTIFY takes a lock that the
-- whole server shares.

-- +goose StatementBegin
CREATE FUNCTION gatepost.tell(users text[]) RETURNS void LANGUAGE sql AS $$
    SELECT pg_notify('gatepost', about)
    FROM unnest(CASE WHEN cardinality(users) > 100 THEN ARRAY['*'] ELSE users END) AS about
$$;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE FUNCTION gatepost.session_gone() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM gatepost.tell(ARRAY(SELECT DISTINCT user_id FROM gone WHERE expires_at > now() LIMIT 101));
    RETURN NULL;
END $$;
-- +goose StatementEnd
CREATE TRIGGER session_gone AFTER DELETE ON gatepost.session
    REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION gatepost.session_gone();

-- +goose StatementBegin
CREATE FUNCTION gatepost.session_cut() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM gatepost.tell(ARRAY(
        SELECT DISTINCT o.user_id FROM old_rows o
        LEFT JOIN new_rows n ON n.id = o.id AND n.token = o.token AND n.user_id = o.user_id AND n.expires_at >= o.expires_at
            AND n.created_at >= o.created_at AND n.last_used_at >= o.last_used_at AND n.idle_seconds >= o.idle_seconds
        WHERE n.id IS NULL AND o.expires_at > now() LIMIT 101));
    RETURN NULL;
END $$;
-- +goose StatementEnd
CREATE TRIGGER session_cut AFTER UPDATE ON gatepost.session
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION gatepost.session_cut();

-- +goose StatementBegin
CREATE FUNCTION gatepost.session_emptied() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM gatepost.tell(ARRAY['*']);
    RETURN NULL;
END $$;
-- +goose StatementEnd
CREATE TRIGGER session_emptied AFTER TRUNCATE ON gatepost.session
    FOR EACH STATEMENT EXECUTE FUNCTION gatepost.session_emptied();

-- A deleted user takes his sessions along, which tell.
-- +goose StatementBegin
CREATE FUNCTION gatepost.user_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM gatepost.tell(ARRAY(
        SELECT o.id FROM old_rows o
        LEFT JOIN new_rows n ON n.id = o.id AND n.name = o.name AND n.email = o.email AND n.email_verified = o.email_verified
            AND n.role = o.role AND n.disabled_at IS NOT DISTINCT FROM o.disabled_at
        WHERE n.id IS NULL LIMIT 101));
    RETURN NULL;
END $$;
-- +goose StatementEnd
CREATE TRIGGER user_changed AFTER UPDATE ON gatepost."user"
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION gatepost.user_changed();

-- +goose StatementBegin
CREATE FUNCTION gatepost.password_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM gatepost.tell(ARRAY(
        SELECT DISTINCT o.user_id FROM old_rows o
        LEFT JOIN new_rows n ON n.id = o.id AND n.password IS NOT DISTINCT FROM o.password
        WHERE n.id IS NULL LIMIT 101));
    RETURN NULL;
END $$;
-- +goose StatementEnd
CREATE TRIGGER password_changed AFTER UPDATE ON gatepost.account
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION gatepost.password_changed();
