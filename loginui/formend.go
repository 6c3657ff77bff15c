package loginui

import "slices"

// Several reports whether more ways on follow the button of the form. Cancel comes after all of them.
func (p formPage) Several() bool {
	return len(p.Buttons) > 0 || p.Passkey != nil || p.ByPasskey != nil || p.Claim != ""
}

// Marked reports whether a way on has a mark of its own. Then all have one, so that they look alike.
func (p formPage) Marked() bool {
	return slices.ContainsFunc(p.Buttons, func(b button) bool { return b.Mark != "" || b.Logo != "" })
}

// Stuck reports whether the page offers no way on, and says why. Then it leads back by Instead.
func (p formPage) Stuck() bool { return p.Submit == "" && !p.Several() && p.Instead != "" }

// ClaimOnly reports whether Claim is the one way on, which looks like it.
func (p formPage) ClaimOnly() bool { return p.Submit == "" && len(p.Buttons) == 0 && p.Passkey == nil }
