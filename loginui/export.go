package loginui

import (
	"bytes"
	"context"
	"encoding/json"
	"iter"
	"net/http"
	"time"

	"github.com/gatepost/gatepost/auth"
	"github.com/gatepost/gatepost/auth/secret"
	"github.com/gatepost/gatepost/internal/upkeep"
)

const (
	// downloadPiece is how much of a download is written at a time, in bytes.
	downloadPiece = 32 << 10
	// downloadStall is how long a visitor may take to receive one piece.
	downloadStall = 30 * time.Second
)

// postExport sends the account as a download, which leaves the browser on the page it was on. After the
// password form that page would be the wrong one, so the visitor goes back to the account page first.
func (ui *UI) postExport(w http.ResponseWriter, r *http.Request, f form, token secret.Token) error {
	if f.asked {
		return ui.done(w, "export")
	}
	export, err := ui.store.Export(r.Context(), token, ui.client(r))
	if err != nil {
		return err
	}
	defer export.Close()
	d := &download{w: w, ctx: export.Context(), isCut: make(chan struct{})}
	stop := context.AfterFunc(export.Context(), upkeep.Watch{}.Guard("end a download", d.cut))
	err = d.export(export)
	if !stop() {
		<-d.isCut
	}
	if err != nil && d.began {
		panic(http.ErrAbortHandler) // so that the browser does not take half a file for a whole one
	}
	d.allow() // cut may have set the deadline; an error must still reach the visitor
	return err
}

// download is a file that is written while it is produced. A file that fits into one piece is sent whole or not
// at all.
type download struct {
	w     http.ResponseWriter
	ctx   context.Context // ends when the download must end
	isCut chan struct{}
	buf   bytes.Buffer
	began bool
}

// cut ends the wait for a visitor who receives nothing.
func (d *download) cut() {
	defer close(d.isCut)
	_ = http.NewResponseController(d.w).SetWriteDeadline(time.Now()) // some ResponseWriters have no deadlines
}

// allow sets the deadline for the next write.
func (d *download) allow() {
	_ = http.NewResponseController(d.w).SetWriteDeadline(time.Now().Add(downloadStall)) // see cut
}

// flush sends what is in the buffer.
func (d *download) flush() error {
	d.allow()
	// Checked after allow: if the context ends later, cut is called later and its deadline stands.
	if err := context.Cause(d.ctx); err != nil {
		return err
	}
	if !d.began {
		d.w.Header().Set("Content-Type", "application/json; charset=utf-8")
		d.w.Header().Set("Content-Disposition", `attachment; filename="account.json"`)
		d.began = true
	}
	_, err := d.buf.WriteTo(d.w)
	return err
}

// export writes e as one JSON object, with its sessions and events read page by page.
func (d *download) export(e *auth.Export) error {
	head, err := json.MarshalIndent(e, "", "  ")
	if err != nil {
		return err
	}
	d.buf.Write(bytes.TrimSuffix(head, []byte("\n}")))
	if err := writeList(d, "sessions", e.Sessions()); err != nil {
		return err
	}
	if err := writeList(d, "events", e.Events()); err != nil {
		return err
	}
	d.buf.WriteString("\n}\n")
	return d.flush()
}

// writeList writes a field that holds a list.
func writeList[T any](d *download, name string, list iter.Seq2[T, error]) error {
	d.buf.WriteString(",\n  \"" + name + "\": [")
	separator, end := "\n    ", "]"
	for v, err := range list {
		if err != nil {
			return err
		}
		b, err := json.MarshalIndent(v, "    ", "  ")
		if err != nil {
			return err
		}
		d.buf.WriteString(separator)
		d.buf.Write(b)
		separator, end = ",\n    ", "\n  ]"
		if d.buf.Len() >= downloadPiece {
			if err := d.flush(); err != nil {
				return err
			}
		}
	}
	d.buf.WriteString(end)
	return nil
}
