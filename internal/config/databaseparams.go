package config

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// translate makes of parameters that other programs know what pgx knows, with their meaning kept. What says nothing to
// the gate goes; what would weaken the connection by going is a fault that names it.
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

// saysNothing are parameters about the pools, the statements and the connections of other programs.
var saysNothing = []string{
	// Prisma
	"schema", "pool_timeout", "socket_timeout",
	// node-postgres and what is built on it
	"uselibpqcompat", "max", "min", "idleTimeoutMillis", "connectionTimeoutMillis", "query_timeout", "keepAlive",
	// hosts that offer PostgreSQL, and what they have others write
	"supa", "workaround", "pool",
	// Rails, Django, Ecto, SQLAlchemy
	"pool_size", "checkout_timeout", "reaping_frequency", "reconnect", "adapter", "encoding", "conn_max_age", "conn_health_checks", "async_fallback",
	// Doctrine
	"serverVersion", "server_version", "driver", "persistent", "default_dbname",
	// libpq: Go keeps connections alive by itself, and takes no GSSAPI unless it is asked for
	"keepalives", "keepalives_idle", "keepalives_interval", "keepalives_count", "tcp_user_timeout", "gsslib", "gssdelegation", "fallback_application_name",
	"load_balance_hosts", "sslkeylogfile", "ssl_max_protocol_version",
	// JDBC
	"currentSchema", "tcpKeepAlive", "socketTimeout", "loginTimeout", "reWriteBatchedInserts",
}

// cure is what to do about a parameter that is not taken. With one of some values it means what is done anyway.
type cure struct {
	text   string
	unless []string
}

// cures are for parameters that would weaken the connection, or lose its meaning, if they were left out.
var cures = map[string]cure{
	"gssencmode":     {"asks for encryption by GSSAPI, and there is TLS only: leave it out and set sslmode=verify-full", []string{"disable", "prefer", "allow"}},
	"requirepeer":    {"cannot be checked here: leave it out, and let only PostgreSQL's user write into the directory of the socket", nil},
	"sslcrl":         {"cannot be checked here: leave it out, or put a proxy between that checks it", nil},
	"sslcrldir":      {"cannot be checked here: leave it out, or put a proxy between that checks it", nil},
	"sslcompression": {"is not to be had, as no TLS of today compresses: leave it out", []string{"0", "false"}},
	"sslidentity":    {"holds a certificate as Prisma has it: make PEM files of it, and name them in sslcert and sslkey", nil},
	"hostaddr":       {"is not taken: write the address as the host; with sslmode=verify-full its name has to be the host", nil},
	"ssl_min_protocol_version": {"cannot be asked for here: leave it out; TLS 1.2 is the least, and the newest that both sides know is used",
		[]string{"tlsv1", "tlsv1.1", "tlsv1.2"}},
	"replication":     {"makes a connection for replication: leave it out", []string{"false", "off", "no", "0"}},
	"client_encoding": otherBytes,
	"charset":         otherBytes,
}

var otherBytes = cure{"would make other bytes of what is kept: leave it out, as all is UTF-8", []string{"utf8", "utf-8", "unicode", "auto"}}

// tlsModes are the values of sslmode, the weakest first.
var tlsModes = []string{"disable", "allow", "prefer", "require", "verify-ca", "verify-full"}

// mergeTLS makes one sslmode of what programs call by several names. Of two the stricter one counts.
func (c *databaseURL) mergeTLS(list *Faults) {
	mode, given := c.get("sslmode")
	if compat, ok := c.get("uselibpqcompat"); ok && switchWord(compat) == "false" && slices.Contains(tlsModes[2:], mode) {
		mode = "verify-full" // what node-postgres makes of all of these
	}
	if mode == "no-verify" { // node-postgres: TLS with whoever answers, which libpq calls require
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

// sslWord is what ssl means to drivers in JavaScript, Java, Elixir and Python. Plain true asks who answers in most of
// them, node-postgres since 8.0 and pgJDBC since 42.2.5 among them; of what a word may mean the strictest is taken.
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

// leastPool is how many connections a gate makes do with at least, whatever an app does: one for each share.
const leastPool = 3

// mergePooler knows how programs say that a pooler in transaction mode is between, where no statement can be kept at
// the server.
func (c *databaseURL) mergePooler(list *Faults) {
	pooled := false
	for name, says := range map[string]string{
		"pgbouncer": "true", "prepared_statements": "false", "prepareThreshold": "0", "prepare_threshold": "0", "binary_parameters": "true",
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
