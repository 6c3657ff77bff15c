package loginui

// Several reports whether more ways on follow the button of the form. Cancel comes after all of them.
func (p formPage) Several() bool {
	return len(p.Buttons) > 0 || p.Passkey != nil || p.ByPasskey != nil || p.Claim != ""
}

// Stuck reports whether the page offers no way on, and says why. Then it leads back by Instead.
func (p formPage) Stuck() bool { return p.Submit == "" && !p.Several() && p.Instead != "" }

// ClaimOnly reports whether Claim is the one way on, which looks like it.
func (p formPage) ClaimOnly() bool { return p.Submit == "" && len(p.Buttons) == 0 && p.Passkey == nil }
