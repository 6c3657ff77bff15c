package password

// longestRepeated is how many bytes of a password are hashed where each round hashes the password again: a password of
// a kilobyte, which a request may bring, would multiply the cost. A longer one is no password for such a hash.
const longestRepeated = 256

// repeated derives a digest in a kind whose rounds hash the password again. Too long a password costs what others do.
func repeated(derive func(password []byte) []byte) func(password string) []byte {
	return func(password string) []byte {
		digest := derive([]byte(password[:min(len(password), longestRepeated)]))
		if len(password) > longestRepeated {
			return nil
		}
		return digest
	}
}
