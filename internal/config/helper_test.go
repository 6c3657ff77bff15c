package config

// environ is an environment with some variables.
func environ(values map[string]string) (env []string) {
	for name, value := range values {
		env = append(env, name+"="+value)
	}
	return env
}
