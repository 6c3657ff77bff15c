package importer

// Result is what became of a person, or of a field of theirs, in one word.
type Result string

// The results of a Line.
const (
	Created   Result = "created"
	Changed   Result = "changed" // at the source, and now here
	Unchanged Result = "unchanged"
	// Kept is a field that was changed both at the source and here: what is here stays.
	Kept    Result = "conflict"
	Deleted Result = "deleted" // they were brought over once, and deleted here: they stay so
	Refused Result = "refused" // nothing was written
	// Barred is the password of somebody who has a second factor at the source by now: it is taken from them here.
	Barred Result = "barred"
	Noted  Result = "note" // they were brought over, but for what Reason says
)

// Line is one line of the report: a person, or one field of a person. It has no secret.
type Line struct {
	Result Result `json:"result"`
	ID     string `json:"id"`               // at the source
	Where  string `json:"where,omitempty"`  // where the source has them
	Email  string `json:"email,omitempty"`  // as it is spelt here, if it can be an address here
	Field  string `json:"field,omitempty"`  // empty: it is about the whole person
	Reason string `json:"reason,omitempty"` // a sentence that goes on after the person
}

func (p *plan) line(result Result, field, reason string) Line {
	return Line{Result: result, ID: p.ID, Where: p.Where, Email: p.Email, Field: field, Reason: reason}
}

// add counts a line. A person has one line that says what became of them, and further ones about fields.
func (c *Counts) add(l Line) {
	switch l.Result {
	case Created:
		c.Created++
	case Changed:
		c.Changed++
	case Unchanged:
		c.Unchanged++
	case Kept:
		c.Conflicts++
	case Deleted:
		c.Deleted++
	case Refused:
		c.Refused++
	case Barred:
		c.Barred++
	}
}
