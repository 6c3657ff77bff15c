package config

import (
	"log/slog"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/gatepost/gatepost/auth"
	"github.com/gatepost/gatepost/loginui"
)

// StoreOptions are the settings for users and sessions.
func (c *Config) StoreOptions(log *slog.Logger, metrics prometheus.Registerer) auth.Options {
	return auth.Options{
		SessionIdle: c.SessionIdle, SessionLifetime: c.SessionLifetime, SessionCache: c.SessionCache,
		SessionsPerUser: c.SessionsPerUser, PasswordMin: c.PasswordMin,
		SiteName: c.Settings.AppName, SignUpClosed: c.SignUpClosed, SignUpDomains: c.SignUpDomains,
		SignUpLimit: c.SignUpLimit, SignUpTotal: c.SignUpTotal,
		Verify: c.Verify, NotifySignIns: c.NotifySignIns, AuditRetention: c.AuditRetention, Keys: c.Keys,
		Log: log, Metrics: metrics,
	}
}

// UI makes the pages. Without a store they can be rendered, and forms do not work.
func (c *Config) UI(store *auth.Store, log *slog.Logger) (*loginui.UI, error) {
	return loginui.New(loginui.Config{
		PublicURL: c.PublicURL, Prefix: c.Pages, Home: c.Settings.Home, AppName: c.Settings.AppName,
		SignUpClosed: c.SignUpClosed, ByInvitation: c.ByInvitation,
		Mail: c.Deliver != nil, Confirm: c.Verify != auth.VerifyOff, ConfirmFirst: c.Verify == auth.VerifyRequired,
		PasswordMin: c.PasswordMin, Cookie: c.Cookie(), AppCookies: c.AppCookies, Brand: c.Brand, Log: log,
	}, store)
}
