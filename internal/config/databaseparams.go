package config

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// translate turns parameters of other programs into those of pgx with the same meaning. Parameters without a
// meaning for the gate are dropped. A parameter whose loss would weaken the connection is a fault.
func (c *databaseURL) translate() error {
	var list Faults
	c.mergeTLS(&list)
	c.mergePooler(&list)
	for _, name := range saysNothing {
		c.drop(name)
	}
	for _, p := range slices.Clone(c.params) {
		cure, ok := cures[p.Name]
		if ok && p.Value != "" && !slices.Contains(cure.unless, strings.ToLower(p.Value)) {
			list.Add(fmt.Errorf("has the parameter %s, which %s", p.Name, cure.text))
		}
		if ok {
			c.drop(p.Name)
		}
	}
	return list.OrNil()
}

// saysNothing are parameters for the pools, statements and connections of other programs. They have no meaning
// here.
var saysNothing = []string{
	// Prisma
	"schema", "pool_timeout", "socket_timeout",
	// node-postgres and libraries on top of it
	"uselibpqcompat", "max", "min", "idleTimeoutMillis", "connectionTimeoutMillis", "query_timeout", "keepAlive",
	// providers of hosted PostgreSQL
	"supa", "workaround", "pool",
	// Rails, Django, Ecto, SQLAlchemy
	"pool_size", "checkout_timeout", "reaping_frequency", "reconnect", "adapter", "encoding", "conn_max_age",
	"conn_health_checks", "async_fallback",
	// Doctrine
	"serverVersion", "server_version", "driver", "persistent", "default_dbname",
	// libpq: Go keeps connections alive itself, and pgx uses no GSSAPI unless it is asked to
	"keepalives", "keepalives_idle", "keepalives_interval", "keepalives_count", "tcp_user_timeout", "gsslib",
	"gssdelegation", "fallback_application_name",
	"load_balance_hosts", "sslkeylogfile", "ssl_max_protocol_version",
	// JDBC
	"currentSchema", "tcpKeepAlive", "socketTimeout", "loginTimeout", "reWriteBatchedInserts",
}

// cure is what to do about a parameter that is not supported. With a value in unless, the parameter asks for what
// the gate does anyway.
type cure struct {
	text   string
	unless []string
}

// cures are for parameters whose loss would weaken the connection or change its meaning.
var cures = map[string]cure{
	"gssencmode": {"asks for encryption by GSSAPI, and there is TLS only: leave it out and set sslmode=verify-full",
		[]string{"disable", "prefer", "allow"}},
	"requirepeer": {"cannot be checked here: leave it out, and let only PostgreSQL's user write into the " +
		"directory of the socket", nil},
	"sslcrl":         {"cannot be checked here: leave it out, or put a proxy between that checks it", nil},
	"sslcrldir":      {"cannot be checked here: leave it out, or put a proxy between that checks it", nil},
	"sslcompression": {"is not to be had, as no TLS of today compresses: leave it out", []string{"0", "false"}},
	"sslidentity": {"holds a certificate as Prisma has it: make PEM files of it, and name them in sslcert " +
		"and sslkey", nil},
	"hostaddr": {"is not taken: write the address as the host; with sslmode=verify-full its name has to be " +
		"the host", nil},
	"ssl_min_protocol_version": {"cannot be asked for here: leave it out; TLS 1.2 is the least, and the newest that " +
		"both sides know is used",
		[]string{"tlsv1", "tlsv1.1", "tlsv1.2"}},
	"replication":     {"makes a connection for replication: leave it out", []string{"false", "off", "no", "0"}},
	"client_encoding": otherBytes,
	"charset":         otherBytes,
}

var otherBytes = cure{"would make other bytes of what is kept: leave it out, as all is UTF-8",
	[]string{"utf8", "utf-8", "unicode", "auto"}}

// tlsModes are the values of sslmode, the weakest first.
var tlsModes = []string{"disable", "allow", "prefer", "require", "verify-ca", "verify-full"}

// mergeTLS merges the parameters for TLS into one sslmode. The strictest one counts.
func (c *databaseURL) mergeTLS(list *Faults) {
	mode, given := c.get("sslmode")
	if compat, ok := c.get("uselibpqcompat"); ok && switchWord(compat) == "false" &&
		slices.Contains(tlsModes[2:], mode) {
		mode = "verify-full" // node-postgres reads all of these as verify-full
	}
	if mode == "no-verify" { // node-postgres: TLS without verification, which libpq calls require
		mode = "require"
	}
	if value, ok := c.get("ssl"); ok {
		mode, given = stricter(mode, sslWord(value, list)), true
	}
	if value, ok := c.get("sslaccept"); ok {
		switch value {
		case "strict":
			mode, given = stricter(mode, "verify-full"), true
		case "accept_invalid_certs":
		default:
			list.Add(errors.New("has the parameter sslaccept, which is neither strict nor accept_invalid_certs"))
		}
	}
	c.drop("ssl")
	c.drop("sslaccept")
	if !given {
		return
	}
	if !slices.Contains(tlsModes, mode) {
		list.Add(fmt.Errorf("has the parameter sslmode, which is none of %s", strings.Join(tlsModes, ", ")))
		return
	}
	c.set("sslmode", mode)
}

// sslWord is the sslmode for a value of ssl in drivers for JavaScript, Java, Elixir and Python. true verifies the
// server in most of them, also in node-postgres since 8.0 and pgJDBC since 42.2.5. The strictest meaning of a word
// counts.
func sslWord(value string, list *Faults) string {
	switch word := switchWord(value); {
	case word == "true":
		return "verify-full"
	case word == "no-verify":
		return "require"
	case word == "false":
		return "disable"
	case slices.Contains(tlsModes, word):
		return word
	}
	list.Add(errors.New("has the parameter ssl, which is neither true nor false: write sslmode=verify-full instead"))
	return ""
}

func stricter(a, b string) string {
	if slices.Index(tlsModes, a) >= slices.Index(tlsModes, b) {
		return a
	}
	return b
}

// leastPool is the least number of connections of a gate, one for each share of the pool.
const leastPool = 3

// mergePooler reads the parameters that announce a pooler in transaction mode, which cannot keep prepared
// statements.
func (c *databaseURL) mergePooler(list *Faults) {
	pooled := false
	for name, says := range map[string]string{
		"pgbouncer": "true", "prepared_statements": "false", "prepareThreshold": "0", "prepare_threshold": "0",
		"binary_parameters":    "true",
		"statement_cache_size": "0", "prepared_statement_cache_size": "0", "statement_cache_mode": "describe",
	} {
		if value, ok := c.get(name); ok {
			pooled = pooled || value == says || switchWord(value) == says
			c.drop(name)
		}
	}
	if pooled && !c.has("default_query_exec_mode") {
		c.set("default_query_exec_mode", "exec")
	}
	if value, ok := c.get("connection_limit"); ok {
		n, err := strconv.Atoi(value)
		if err != nil || n < 1 || n > 10_000 {
			list.Add(errors.New("has the parameter connection_limit, which is not a number of connections"))
		} else if !c.has("pool_max_conns") {
			c.set("pool_max_conns", strconv.Itoa(max(n, leastPool)))
		}
		c.drop("connection_limit")
	}
}
