package config

import (
	"fmt"
	"strconv"
)

// The widest networks that can be an office, in bits: providers are wider than these.
const (
	widestOffice4 = 16
	widestOffice6 = 32
	mostPeople    = 100_000
)

func (c *Config) checkOffices(list *Faults) {
	const name, people = "GATEPOST_OFFICES", "GATEPOST_OFFICE_PEOPLE"
	c.Offices = c.parseNetworks(list, name, c.Settings.Offices)
	for _, p := range c.Offices {
		if widest := map[bool]int{true: widestOffice4, false: widestOffice6}[p.Addr().Is4()]; p.Bits() < widest {
			list.Add(fmt.Errorf("%s: %s is wider than an office: name the addresses that it has, at most a /%d", name, p,
				widest))
		}
	}
	n, err := strconv.Atoi(c.Settings.OfficePeople)
	if err != nil || n < 1 || n > mostPeople {
		list.Add(fmt.Errorf("%s: %s is not a number from 1 to %d", people, Quote(c.Settings.OfficePeople), mostPeople))
	}
	c.OfficePeople = n
}
