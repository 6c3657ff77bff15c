package secret

import "strings"

// ServiceDomain is the domain of the addresses of service accounts, <id>@service.invalid. Nobody gets mail there (RFC
// 6761, section 6.4).
const ServiceDomain = "service.invalid"

// IsServiceAddress reports whether an address is that of a service account.
func IsServiceAddress(email string) bool { return strings.HasSuffix(email, "@"+ServiceDomain) }
