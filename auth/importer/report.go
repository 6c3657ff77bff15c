package importer

// Result is what became of a person, or of a field of theirs, in one word.
type Result string

// The results of a Line.
const (
	Created         Result = "created"
	Changed         Result = "changed" // at the source, and now here
	resultUnchanged Result = "unchanged"
	// resultKept is a field that was changed both at the source and here: what is here stays.
	resultKept    Result = "conflict"
	resultDeleted Result = "deleted" // they were brought over once, and deleted here: they stay so
	resultRefused Result = "refused" // nothing was written
	// resultBarred is the password of somebody who has a second factor at the source by now: it is taken from them here.
	resultBarred Result = "barred"
	resultNoted  Result = "note" // they were brought over, but for what Reason says
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
	case resultUnchanged:
		c.Unchanged++
	case resultKept:
		c.Conflicts++
	case resultDeleted:
		c.Deleted++
	case resultRefused:
		c.Refused++
	case resultBarred:
		c.Barred++
	}
}
