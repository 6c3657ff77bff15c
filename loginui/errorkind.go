package loginui

import (
	"cmp"
	"net/http"
)

// titles are the messages whose title is that of another. A title says what happened; the one above a message may name
// a part of the account page.
var titles = map[string]string{
	"fault.login_loop": "fault.setup", "fault.host": "fault.setup", "fault.https_already": "fault.setup",
	"fault.cross_socket": "fault.cross_site", "fault.http": "fault.upgrade_required",
	"fault.unavailable": "fault.service_unavailable", "fault.broken": "fault.internal_error",
	"fault.service": "fault.forbidden", "email.foreign": "fault.forbidden", "email.taken": "connect",
	"ways.last": "fault.refused", "app.unverified": "fault.unverified", "confirm.none.unverified": "fault.unverified",
	"passkey.unverified": "fault.unverified", "passkey.taken": "passkey.many",
	"passkey.gone": "passkey.wrong", "passkey.unsure": "passkey.wrong", "passkey.copied": "passkey.wrong",
	"passkey.expired": "fault.request_timeout", "passkey.signup.expired": "fault.request_timeout",
	"with.failed": "fault.failed_dependency", "with.unavailable": "fault.failed_dependency",
	"with.misconfigured": "fault.failed_dependency", "with.no_subject": "fault.failed_dependency",
	"with.refused": "fault.refused", "with.interaction": "fault.refused", "with.forged": "fault.refused",
	"with.not_fresh": "fault.refused", "with.no_session": "fault.refused", "with.other_user": "fault.refused",
	"with.linked_other": "fault.refused", "with.linked_elsewhere": "connect", "with.bad_code": "with.no_flow",
	"with.not_allowed": "fault.forbidden", "with.no_entry": "fault.forbidden", "with.logged_out": "fault.unauthorized",
}

// The kinds of pages that say one thing, of which message.html has an icon each.
const (
	kindLock  = "lock"  // the visitor lacks something
	kindLink  = "link"  // what was asked for is not there, or not right
	kindWait  = "wait"  // it takes a while, or took too long
	kindWorks = "works" // whoever runs the site has to do something, or does
	kindPlug  = "plug"  // something else does not answer
	kindMail  = "mail"  // a mail is on its way, or has to be read first
	kindStop  = "stop"  // something is in the way of it, and stays there
	kindDone  = "done"  // it was done
)

// kindsOf are the kinds of messages, by what names their titles, where the status says too little.
var kindsOf = map[string]string{
	"fault.setup": kindWorks, "fault.maintenance": kindWorks, "fault.internal_error": kindWorks,
	"fault.unverified": kindMail, "fault.request_timeout": kindWait, "with.no_flow": kindWait,
	"fault.failed_dependency": kindPlug, "linking.elsewhere": kindLink, "fault.refused": kindStop,
}

func kindOf(status int, key string) string {
	if kind := kindsOf[cmp.Or(titles[key], key)]; kind != "" {
		return kind
	}
	switch status {
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusUpgradeRequired:
		return kindLock
	case http.StatusConflict:
		return kindStop
	case http.StatusRequestTimeout, http.StatusTooManyRequests, http.StatusServiceUnavailable,
		http.StatusGatewayTimeout:
		return kindWait
	case http.StatusFailedDependency, http.StatusBadGateway:
		return kindPlug
	case http.StatusInternalServerError, http.StatusLoopDetected:
		return kindWorks
	}
	return kindLink
}
