-- +goose Up

-- These functions have the rights of their owner. Whoever may execute one can make a trigger of it on a table of their
-- own. Triggers that are there need no such right.
REVOKE EXECUTE ON FUNCTION gatepost.user_disabled(), gatepost.username_given(), gatepost.webhook_user(), gatepost.webhook_session() FROM PUBLIC;
