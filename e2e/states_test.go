package e2e

// state is a page of the gate in one of its states, and how a visitor reaches it from the state before. It
// works in every language: no button is found by its words.
type state struct {
	name   string
	status int
	visit  func(*visitor) int
}

// states returns all states in an order in which one visitor can reach them, from the signup to the end of the
// account.
func states(p person) []state {
	all := append(formStates(p), accountStates(p)...)
	all = append(all, addressStates(p)...)
	all = append(all, leavingStates(p)...)
	all = append(all, mailedStates(p)...)
	return append(all, lastStates(p)...)
}

func formStates(p person) []state {
	return []state{
		{"/login", 200, func(v *visitor) int { return v.open("/login?next=/account") }},
		{"/signup", 200, func(v *visitor) int { return v.open("/signup?next=/account") }},
		{"a failed signup", 422, func(v *visitor) int {
			// The browser accepts both values, the gate refuses both.
			v.fillIn(person{p.name, "zhang.wei@nowhere", "password"})
			return v.submit("/signup")
		}},
		{"/account", 200, func(v *visitor) int {
			v.fillIn(p)
			return v.submit("/signup")
		}},
		{"a page that does not exist", 404, func(v *visitor) int { return v.open("/account/nothing") }},
		{"a page that is refused", 403, func(v *visitor) int { return v.open("/admin") }},
	}
}

func accountStates(p person) []state {
	return []state{
		{"/account/name", 200, func(v *visitor) int { return v.open("/account/name") }},
		{"a failed name", 422, func(v *visitor) int {
			v.fill("name", "Zhang\u0085Wei")
			return v.submit("/account/name")
		}},
		{"/account with a notice", 200, func(v *visitor) int {
			v.fill("name", p.name)
			return v.submit("/account/name")
		}},
		{"/account/password", 200, func(v *visitor) int { return v.open("/account/password") }},
		{"a failed password", 422, func(v *visitor) int {
			v.fill("current", p.password)
			v.fill("password", "password")
			return v.submit("/account/password")
		}},
		{"/account/delete", 200, func(v *visitor) int { return v.open("/account/delete") }},
		{"a failed delete", 401, func(v *visitor) int {
			v.fill("password", "a noisy river at noon")
			return v.submit("/account/delete")
		}},
		{"/account with several sessions", 200, func(v *visitor) int {
			for _, agent := range []string{firefox, safari} {
				r := newReader(v.t)
				r.agent = agent
				r.logIn(p)
			}
			return v.open("/account")
		}},
		{"the password once more", 403, func(v *visitor) int {
			p.growOld(v.t)
			return v.submit("/account/sessions/end-others")
		}},
		{"the wrong password once more", 401, func(v *visitor) int {
			v.fill("password", "a noisy river at noon")
			return v.submit("/account/sessions/end-others")
		}},
	}
}

func addressStates(p person) []state {
	moved := p.at("new." + p.email)
	return []state{
		{"/account/email", 200, func(v *visitor) int { return v.open("/account/email") }},
		{"a failed address", 422, func(v *visitor) int {
			v.fill("email", p.email)
			v.fill("password", p.password)
			return v.submit("/account/email")
		}},
		{"/account with mail on its way", 200, func(v *visitor) int {
			v.fill("email", moved.email)
			v.fill("password", p.password)
			return v.submit("/account/email")
		}},
		{"/account/email/confirm", 200, func(v *visitor) int { return v.openMailed(moved, "/account/email/confirm") }},
		{"/signup/verify", 200, func(v *visitor) int { return v.openMailed(p, "/signup/verify") }},
	}
}

func leavingStates(p person) []state {
	return []state{
		{"/logout", 200, func(v *visitor) int { return v.open("/logout") }},
		{"/login after logout", 200, func(v *visitor) int { return v.submit("/logout") }},
		{"a failed login", 401, func(v *visitor) int {
			v.fillIn(person{email: p.email, password: "a noisy river at noon"})
			return v.submit("/login")
		}},
		{"a throttled login", 429, func(v *visitor) int {
			p.block(v.t)
			v.fill("password", p.password)
			return v.submit("/login")
		}},
	}
}

// mailedStates returns the states of a visitor who is not signed in and opens links from their mail.
func mailedStates(p person) []state {
	return []state{
		{"/login/forgot", 200, func(v *visitor) int { return v.open("/login/forgot") }},
		{"a failed request", 422, func(v *visitor) int {
			v.fill("email", "zhang.wei@nowhere")
			return v.submit("/login/forgot")
		}},
		{"mail on its way", 200, func(v *visitor) int {
			p.wantMore(v.t)
			v.fill("email", p.email)
			return v.submit("/login/forgot")
		}},
		{"/login/reset", 200, func(v *visitor) int { return v.openMailed(p, "/login/reset") }},
		{"a failed reset", 422, func(v *visitor) int {
			v.fill("password", "password")
			return v.submit("/login/reset")
		}},
		{"/account/email/undo", 200, func(v *visitor) int {
			return v.open(p.linked(v.t, "undo-change-email", "/account/email/undo"))
		}},
		{"/signup/invitation", 200, func(v *visitor) int {
			return v.open(p.at("guest."+p.email).linked(v.t, "invitation", "/signup/invitation"))
		}},
		{"a failed invitation", 422, func(v *visitor) int {
			v.fill("password", "password")
			return v.submit("/signup/invitation")
		}},
		{"a link that does not work", 410, func(v *visitor) int { return v.open("/account/email/undo") }},
		{"/signup/verify in a strange browser", 200, func(v *visitor) int {
			v.becomeStrange()
			return v.openMailed(p, "/signup/verify")
		}},
		{"a failed verification", 401, func(v *visitor) int {
			v.fill("password", "a noisy river at noon")
			return v.submit("/signup/verify")
		}},
	}
}

func lastStates(p person) []state {
	return []state{
		{"a deleted account", 200, func(v *visitor) int {
			p.unblock(v.t)
			v.open("/login")
			v.fillIn(person{email: p.email, password: p.password})
			v.submit("/login")
			v.open("/account/delete")
			v.fill("password", p.password)
			return v.submit("/account/delete")
		}},
	}
}
