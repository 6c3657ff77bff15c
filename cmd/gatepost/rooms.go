package main

import (
	"log/slog"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/gatepost/gatepost/auth"
	"github.com/gatepost/gatepost/loginui"
)

// storeOptions are what the settings say about users and sessions.
func (c *config) storeOptions(log *slog.Logger, metrics prometheus.Registerer) auth.Options {
	return auth.Options{
		SessionIdle: c.sessionIdle, SessionLifetime: c.sessionLifetime, SessionCache: c.sessionCache, SessionsPerUser: c.sessionsPerUser, PasswordMin: c.passwordMin,
		SiteName: c.settings.AppName, SignUpClosed: c.signUpClosed, SignUpDomains: c.signUpDomains, SignUpLimit: c.signUpLimit, SignUpTotal: c.signUpTotal,
		Verify: c.verify, NotifySignIns: c.notifySignIns, AuditRetention: c.auditRetention, Log: log, Metrics: metrics,
	}
}

// newUI makes the pages as the settings say. Without a store they can be shown, and do nothing.
func (c *config) newUI(store *auth.Store, log *slog.Logger) (*loginui.UI, error) {
	return loginui.New(loginui.Config{
		PublicURL: c.publicURL, Prefix: c.pages, Home: c.settings.Home, AppName: c.settings.AppName, SignUpClosed: c.signUpClosed, ByInvitation: c.byInvitation,
		Mail: c.deliver != nil, Confirm: c.verify != auth.VerifyOff, ConfirmFirst: c.verify == auth.VerifyRequired, PasswordMin: c.passwordMin, Cookie: c.cookie(), AppCookies: c.appCookies, Brand: c.brand, Log: log,
	}, store)
}
