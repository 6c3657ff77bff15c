package api

import (
	"context"
	"errors"
	"net/http"
	"strconv"

	"github.com/gatepost/gatepost/auth"
	"github.com/gatepost/gatepost/auth/database"
	"github.com/gatepost/gatepost/auth/provider"
	"github.com/gatepost/gatepost/auth/session"
	"github.com/gatepost/gatepost/auth/throttle"
	"github.com/gatepost/gatepost/internal/captcha"
	"github.com/gatepost/gatepost/internal/share"
)

// refusal is an error of the protocol.
type refusal struct {
	Message string `json:"message"`
	Code    string `json:"code,omitempty"` // a few have none
	status  int
}

func (e *refusal) Error() string { return e.Message }

// The refusals, with the codes and the words of Better Auth, except those at the end.
var (
	errType      = &refusal{"Unsupported Content-Type. Allowed types: application/json", "UNSUPPORTED_MEDIA_TYPE", 415}
	errJSON      = &refusal{"Invalid JSON in request body", "BAD_REQUEST", 400}
	errOrigin    = &refusal{"Invalid origin", "INVALID_ORIGIN", 403}
	errNoOrigin  = &refusal{"Missing or null Origin", "MISSING_OR_NULL_ORIGIN", 403}
	errCrossSite = &refusal{"Cross-site navigation login blocked. This request appears to be a CSRF attack.",
		"CROSS_SITE_NAVIGATION_LOGIN_BLOCKED", 403}
	errCallback        = &refusal{"Invalid callbackURL", "INVALID_CALLBACK_URL", 403}
	errRedirect        = &refusal{"Invalid redirectURL", "INVALID_REDIRECT_URL", 403}
	errErrorCallback   = &refusal{"Invalid errorCallbackURL", "INVALID_ERROR_CALLBACK_URL", 403}
	errNewUserCallback = &refusal{"Invalid newUserCallbackURL", "INVALID_NEW_USER_CALLBACK_URL", 403}

	errSignedOut   = &refusal{"Unauthorized", "UNAUTHORIZED", 401}
	errNotFresh    = &refusal{"Session is not fresh", "SESSION_NOT_FRESH", 403}
	errExpired     = &refusal{"Session expired. Re-authenticate to perform this action.", "SESSION_EXPIRED", 400}
	errCredentials = &refusal{"Invalid email or password", "INVALID_EMAIL_OR_PASSWORD", 401}
	errPassword    = &refusal{"Invalid password", "INVALID_PASSWORD", 400}
	errNoPassword  = &refusal{"Credential account not found", "CREDENTIAL_ACCOUNT_NOT_FOUND", 400}
	errShort       = &refusal{"Password too short", "PASSWORD_TOO_SHORT", 400}
	errLong        = &refusal{"Password too long", "PASSWORD_TOO_LONG", 400}
	errEmail       = &refusal{"Invalid email", "INVALID_EMAIL", 400}
	errTaken       = &refusal{"User already exists. Use another email.", "USER_ALREADY_EXISTS_USE_ANOTHER_EMAIL", 422}
	errNameTaken   = &refusal{"Username is already taken. Please try another.", "USERNAME_IS_ALREADY_TAKEN", 400}
	errName        = &refusal{"Username is invalid", "INVALID_USERNAME", 400}
	errNameLong    = &refusal{"Username is too long", "USERNAME_TOO_LONG", 400}
	errSameEmail   = &refusal{"Email is the same", "", 400}
	errEmailFixed  = &refusal{"Email can not be updated", "EMAIL_CAN_NOT_BE_UPDATED", 400}
	errNoFields    = &refusal{"No fields to update", "", 400}
	errMismatch    = &refusal{"Email mismatch", "EMAIL_MISMATCH", 400}
	errVerified    = &refusal{"Email is already verified", "EMAIL_ALREADY_VERIFIED", 400}
	errToken       = &refusal{"Invalid token", "INVALID_TOKEN", 400}
	errLinkToken   = &refusal{"Invalid token", "INVALID_TOKEN", 401}
	errNoDeletion  = &refusal{"Invalid token", "INVALID_TOKEN", 404}
	errProvider    = &refusal{"Provider not found", "PROVIDER_NOT_FOUND", 404}
	errIDToken     = &refusal{"id_token not supported", "ID_TOKEN_NOT_SUPPORTED", 404}
	errLastAccount = &refusal{"You can't unlink your last account", "FAILED_TO_UNLINK_LAST_ACCOUNT", 400}
	errAccount     = &refusal{"Account not found", "ACCOUNT_NOT_FOUND", 400}
	errDeferred    = &refusal{"POST method requires deferSessionRefresh to be enabled in session config",
		"METHOD_NOT_ALLOWED_DEFER_SESSION_REQUIRED", 405}

	errNoStep     = &refusal{"Invalid two factor cookie", "INVALID_TWO_FACTOR_COOKIE", 401}
	errCode       = &refusal{"Invalid code", "INVALID_CODE", 401}
	errBackupCode = &refusal{"Invalid backup code", "INVALID_BACKUP_CODE", 401}
	errLocked     = &refusal{"Too many failed verification attempts. Your account is temporarily locked. " +
		"Please try again later.", "ACCOUNT_TEMPORARILY_LOCKED", 429}
	errNoTOTP      = &refusal{"TOTP not enabled", "TOTP_NOT_ENABLED", 400}
	errTOTPEnabled = &refusal{"TOTP is already enabled", "TOTP_ALREADY_ENABLED", 400}
	errTOTPOff     = &refusal{"TOTP is not available", "TOTP_NOT_CONFIGURED", 400}
	errNoOTP       = &refusal{"OTP is not available", "OTP_NOT_CONFIGURED", 400}
	errNoCeremony  = &refusal{"Challenge not found", "CHALLENGE_NOT_FOUND", 400}
	errNoPasskey   = &refusal{"Passkey not found", "PASSKEY_NOT_FOUND", 401}
	errPasskey     = &refusal{"Authentication failed", "AUTHENTICATION_FAILED", 401}
	errRegistered  = &refusal{"Previously registered", "PREVIOUSLY_REGISTERED", 400}
	errNoFactor    = &refusal{"Two factor isn't enabled", "TWO_FACTOR_NOT_ENABLED", 400}

	errNoSolution  = &refusal{"Missing CAPTCHA response", "MISSING_RESPONSE", 400}
	errBadSolution = &refusal{"Captcha verification failed", "VERIFICATION_FAILED", 403}

	errSignUpOff  = &refusal{"Email and password sign up is not enabled", "EMAIL_PASSWORD_SIGN_UP_DISABLED", 400}
	errPasswords  = &refusal{"Email and password is not enabled", "EMAIL_PASSWORD_DISABLED", 400}
	errResetOff   = &refusal{"Reset password isn't enabled", "RESET_PASSWORD_DISABLED", 400}
	errConfirmOff = &refusal{"Verification email isn't enabled", "VERIFICATION_EMAIL_NOT_ENABLED", 400}
	errChangeOff  = &refusal{"Change email is disabled", "CHANGE_EMAIL_DISABLED", 400}

	// Ours.
	errPasskeysOff = &refusal{"Passkeys are not available at this site", "PASSKEYS_NOT_AVAILABLE", 400}
	errPasskeyUV   = &refusal{"The authenticator did not verify the user", "USER_NOT_VERIFIED", 401}
	errPasskeyMany = &refusal{"Too many passkeys", "TOO_MANY_PASSKEYS", 409}
	errStaleFactor = &refusal{"Second factor is not fresh", "SECOND_FACTOR_NOT_FRESH", 403}
	errUnconfirmed = &refusal{"The address has to be confirmed first", "EMAIL_NOT_VERIFIED", 403}
	errUnreadable  = &refusal{"Codes cannot be checked at the moment", "SECOND_FACTOR_UNREADABLE", 409}
	errCommon      = &refusal{"This password is among those that are tried first", "PASSWORD_COMPROMISED", 400}
	errUnchanged   = &refusal{"This is the password you have already", "PASSWORD_UNCHANGED", 400}
	errDomain      = &refusal{"Addresses of this domain cannot sign up", "EMAIL_DOMAIN_NOT_ALLOWED", 400}
	errLarge       = &refusal{"Payload too large", "PAYLOAD_TOO_LARGE", 413}
	errSlow        = &refusal{"The request took too long to arrive", "REQUEST_TIMEOUT", 408}
	errTooMany     = &refusal{"Too many requests. Please try again later.", "", 429}
	errRule        = &refusal{"A rule of the database stands against this", "CONFLICT", 409}
	errAway        = &refusal{"Service unavailable. Please try again later.", "SERVICE_UNAVAILABLE", 503}
	errElsewhere   = &refusal{"The provider does not answer. Please try again later.", "PROVIDER_UNAVAILABLE", 503}
	errUnusable    = &refusal{"The provider cannot be used as it is set up. Trying again does not help.",
		"PROVIDER_MISCONFIGURED", 424}
	errBroken = &refusal{"Internal error", "INTERNAL_ERROR", 500}
)

// What Pages.Receive fails with, besides the errors of package share.
var (
	ErrTooLarge error = errLarge
	ErrTooSlow  error = errSlow
	ErrCutOff   error = errJSON
)

// invalid is the refusal of a body or a query that is not what an endpoint takes.
func invalid(message string) *refusal { return &refusal{message, "VALIDATION_ERROR", 400} }

// ofError are refusals by errors of package auth and those below it. The first that fits decides.
var ofError = []struct {
	err error
	*refusal
}{
	{session.ErrNoSession, errSignedOut}, {session.ErrStale, errNotFresh},
	{database.ErrUnavailable, errAway}, {share.ErrBusy, errAway}, {share.ErrCrowded, errTooMany},
	{auth.ErrPasswordsOff, errPasswords}, {auth.ErrSignUpClosed, errSignUpOff},
	{auth.ErrBadCredentials, errPassword}, {auth.ErrBadLink, errToken}, {auth.ErrOtherUser, errLinkToken},
	{captcha.ErrMissing, errNoSolution}, {captcha.ErrWrong, errBadSolution}, {captcha.ErrUnavailable, errAway},
	{session.ErrNoChallenge, errNoStep}, {auth.ErrWrongCode, errCode}, {auth.ErrUsedCode, errCode},
	{auth.ErrFactorLocked, errLocked}, {auth.ErrFactorUnreadable, errUnreadable}, {auth.ErrNoEnrolment, errNoTOTP},
	{auth.ErrFactorsOff, errTOTPOff}, {auth.ErrNoFactor, errNoFactor}, {auth.ErrStaleFactor, errStaleFactor},
	{auth.ErrUnverified, errUnconfirmed}, {auth.ErrNoCeremony, errNoCeremony}, {auth.ErrNoPasskey, errNoPasskey},
	{auth.ErrBadPasskey, errPasskey}, {auth.ErrClonedPasskey, errPasskey}, {auth.ErrUnsurePasskey, errPasskeyUV},
	{auth.ErrPasskeyTaken, errRegistered}, {auth.ErrManyPasskeys, errPasskeyMany}, {auth.ErrPasskeysOff, errPasskeysOff},
	{auth.ErrNoProvider, errProvider}, {auth.ErrLastWayIn, errLastAccount}, {provider.ErrUnavailable, errElsewhere},
}

// refusalOf returns what an error means in the protocol.
func refusalOf(err error) *refusal {
	if own, ok := errors.AsType[*refusal](err); ok {
		return own
	}
	if input, ok := errors.AsType[auth.InputError](err); ok && len(input) > 0 {
		return ofField(input[0])
	}
	if _, ok := errors.AsType[*throttle.Error](err); ok {
		return errTooMany
	}
	for _, known := range ofError {
		if errors.Is(err, known.err) {
			return known.refusal
		}
	}
	if refused, ok := errors.AsType[*database.RefusedError](err); ok && refused.Rule {
		return errRule
	}
	if _, ok := errors.AsType[*provider.Error](err); ok {
		return errUnusable // one that is away was found above
	}
	return errBroken
}

// ofField returns what a problem with a field means. Names of fields are those of package auth.
func ofField(f auth.FieldError) *refusal {
	switch f.Field {
	case "email":
		return map[auth.Problem]*refusal{auth.Taken: errTaken, auth.Foreign: errDomain,
			auth.Unchanged: errSameEmail}[f.Problem].or(errEmail)
	case "password":
		return map[auth.Problem]*refusal{auth.Missing: errShort, auth.TooShort: errShort, auth.TooLong: errLong,
			auth.TooCommon: errCommon, auth.TooSimple: errCommon, auth.TooPersonal: errCommon, auth.Breached: errCommon,
			auth.Unchanged: errUnchanged}[f.Problem].or(errPassword)
	case "username":
		return map[auth.Problem]*refusal{auth.Taken: errNameTaken, auth.TooLong: errNameLong}[f.Problem].or(errName)
	case "current":
		return errPassword
	case "code":
		return errCode
	}
	if f.Problem == auth.TooLong {
		return invalid("[body." + f.Field + "] Too big: expected string to have <=" + strconv.Itoa(f.Limit) + " characters")
	}
	return invalid("[body." + f.Field + "] Invalid input: it cannot be shown")
}

func (e *refusal) or(other *refusal) *refusal {
	if e == nil {
		return other
	}
	return e
}

// statusClientGone marks in the log a request whose client left before the answer.
const statusClientGone = 499

// Values of Retry-After, in seconds.
const (
	awayRetry    = 5
	crowdedRetry = 2
)

// refuse answers with an error, and logs one that is the gate's or the operator's to deal with.
func (c *call) refuse(err error) {
	if c.status != 0 {
		return
	}
	if errors.Is(err, context.Canceled) && c.context().Err() != nil {
		c.WriteHeader(statusClientGone)
		return
	}
	known := refusalOf(err)
	c.retryAfter(known, err)
	if known == errRule || known == errUnusable || known.status >= 500 && !errors.Is(err, share.ErrBusy) {
		c.logFault(known.status, err)
	}
	if known.status == http.StatusMethodNotAllowed {
		c.Header().Set("Allow", "GET, HEAD")
	}
	if c.e.opened && c.a.c.Pages.LinkRefused(c, c.r, known.status, err) {
		return
	}
	_ = c.write(known.status, known) // on error the client has left
}

// retryAfter says when to come back, under the name that Better Auth's client reads too.
func (c *call) retryAfter(known *refusal, err error) {
	seconds := 0
	switch throttled, ok := errors.AsType[*throttle.Error](err); {
	case ok:
		seconds = int(throttled.RetryAfter.Seconds())
	case known.status == http.StatusTooManyRequests:
		seconds = crowdedRetry
	case known.status == http.StatusServiceUnavailable:
		seconds = awayRetry
	default:
		return
	}
	c.Header().Set("Retry-After", strconv.Itoa(seconds))
	if known.status == http.StatusTooManyRequests {
		c.Header().Set("X-Retry-After", strconv.Itoa(seconds))
	}
}
