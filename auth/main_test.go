package auth_test

import (
	"testing"

	"github.com/gatepost/gatepost/auth/authtest"
)

func TestMain(m *testing.M) { authtest.Main(m) }
