package config

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/gatepost/gatepost/auth"
	"github.com/gatepost/gatepost/auth/provider"
	"github.com/gatepost/gatepost/auth/secret"
	"github.com/gatepost/gatepost/auth/session"
	"github.com/gatepost/gatepost/auth/webhook"
	"github.com/gatepost/gatepost/internal/breached"
	"github.com/gatepost/gatepost/internal/fallback"
	"github.com/gatepost/gatepost/loginui"
)

// StoreOptions are the settings for users and sessions.
func (c *Config) StoreOptions(log *slog.Logger, metrics prometheus.Registerer) auth.Options {
	return auth.Options{
		SessionIdle: c.SessionIdle, SessionLifetime: c.SessionLifetime, SessionCache: c.SessionCache,
		TrustBrowser: c.TrustBrowser, SessionsPerUser: c.SessionsPerUser, PasswordMin: c.PasswordMin,
		SiteName: c.Settings.AppName, PublicURL: c.PublicURL, SignUpClosed: c.SignUpClosed,
		SignUpDomains:   c.SignUpDomains,
		UsernamesChosen: c.UsernamesChosen, ReservedUsernames: c.ReservedUsernames,
		SignUpLimit: c.SignUpLimit, SignUpTotal: c.SignUpTotal, Offices: c.Offices,
		OfficePeople: c.OfficePeople,
		Verify:       c.Verify, NotifySignIns: c.NotifySignIns, AuditRetention: c.AuditRetention, Keys: c.Keys,
		FactorsOff: c.SecondFactorOff,
		Providers:  c.makeProviders(), PasswordsOff: c.PasswordsOff, KeepProviderTokens: c.KeepProviderTokens,
		Assertion: c.Assertion,
		Elsewhere: c.Elsewhere, Fallback: c.askFallback(), Breached: c.lookUpBreached(),
		TokensForever: c.TokensForever, TokensAAL2: c.TokensAAL2, CheckTokenRules: checkTokenRules,
		Captcha: c.captcha(), SendWebhook: c.sendWebhook(), Log: log, Metrics: metrics,
	}
}

// lookUpBreached returns what looks up passwords that are known from breaches; nil: nobody looks.
func (c *Config) lookUpBreached() func(context.Context, secret.Password) (bool, error) {
	if c.Breached == nil {
		return nil
	}
	return func(ctx context.Context, p secret.Password) (bool, error) {
		return c.Breached.Has(ctx, breached.HashOf(p))
	}
}

// sendWebhook returns what tells the app of an event; nil: nothing does.
func (c *Config) sendWebhook() func(context.Context, webhook.Event) error {
	if c.Webhook == nil {
		return nil
	}
	return c.Webhook.Send
}

// askFallback returns what asks the system before about passwords; nil: nothing does.
func (c *Config) askFallback() func(context.Context, string, secret.Password) (auth.OldUser, error) {
	if c.Fallback == nil {
		return nil
	}
	return func(ctx context.Context, email string, p secret.Password) (auth.OldUser, error) {
		u, err := c.Fallback.Ask(ctx, email, p)
		if errors.Is(err, fallback.ErrWrong) {
			err = auth.ErrUnknownThere
		}
		return auth.OldUser{ID: u.ID, Email: u.Email, EmailVerified: u.EmailVerified, Name: u.Name}, err
	}
}

// UI makes the pages. Without a store they can be rendered, and forms do not work.
func (c *Config) UI(store *auth.Store, log *slog.Logger) (*loginui.UI, error) {
	providers := c.makeProviders()
	if store != nil {
		providers = store.Providers() // which know more: of an outage, and of what they have discovered
	}
	name := c.mailName()
	var keySet func() []byte
	if store != nil && c.AssertionHeader != "" {
		keySet = store.AssertionKeySet
	}
	return loginui.New(loginui.Config{
		PublicURL: c.PublicURL, Origins: c.Origins, Prefix: c.Pages, Home: c.Settings.Home, Front: c.front(),
		LogoutHome: c.Settings.LogoutHome, LogoutPaths: c.LogoutPaths, AppName: c.Settings.AppName,
		MailName: name, Nameless: name == "",
		SignUpClosed: c.SignUpClosed, ByInvitation: c.ByInvitation,
		Tokens: c.Tokens.Any(), TokensForever: c.TokensForever,
		TrustBrowser: c.TrustBrowser, Mail: c.Deliver != nil,
		Confirm: c.Verify != auth.VerifyOff, ConfirmFirst: c.Verify == auth.VerifyRequired,
		Providers: providers, PasswordsOff: c.PasswordsOff, APIAuthApp: c.APIAuthApp,
		UsernamesChosen: c.UsernamesChosen,
		PasswordMin:     c.PasswordMin, Cookie: c.Cookie(), AppCookies: c.AppCookies, Brand: c.Brand, Log: log,
		Captcha: c.Challenge, CaptchaSiteKey: c.Settings.ChallengeSiteKey, StepUp: c.stepUp,
		KeySet: keySet,
	}, store)
}

// front is the page of the app that the pages of signed-out visitors lead to: a protected one would lead back.
func (c *Config) front() string {
	if !c.Rules.For(http.MethodGet, c.Settings.Home).Public && c.Rules.For(http.MethodGet, "/").Public {
		return "/"
	}
	return c.Settings.Home
}

// stepUp is what a page of the app needs of a session besides its roles, if that is missing; else nil.
func (c *Config) stepUp(rawPath string, s session.Session) *loginui.StepUp {
	need := c.Rules.StepUp(rawPath, s)
	if need == nil {
		return nil
	}
	return &loginui.StepUp{Level: need.Level, MaxAge: need.MaxAge}
}

// makeProviders makes the providers. Those whose settings Load has refused are left out.
func (c *Config) makeProviders() (list []*provider.Provider) {
	for _, s := range c.Providers {
		if p, err := provider.New(s, c.ProviderOptions(s)); err == nil {
			list = append(list, p)
		}
	}
	return list
}

// callbackPath is where the answers of a provider arrive.
func (c *Config) callbackPath(name string) string {
	if c.APIAuthApp {
		return "/.gatepost/callback/" + name
	}
	return "/api/auth/callback/" + name
}

// CallbackURL is where the answers of a provider arrive, as the provider has to know it.
func (c *Config) CallbackURL(name string) string { return c.PublicURL.String() + c.callbackPath(name) }

// ProviderOptions are the settings for a provider that are not the provider's own.
func (c *Config) ProviderOptions(s provider.Spec) provider.Options {
	site := c.PublicURL.String()
	return provider.Options{Callback: c.CallbackURL(s.Name), Insecure: strings.HasPrefix(s.Issuer, "http://"),
		KeepTokens:  c.KeepProviderTokens,
		AfterLogout: site + c.Pages + "/login", BackChannel: site + "/.gatepost/backchannel/" + s.Name}
}
