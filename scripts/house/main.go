// Command house draws the rooms of the program and the arrows between them, as SVG on standard output. A room is a Go
// package, an arrow an import; an arrow that others imply is left out, and so is what is outside the product.
//
//	go run ./scripts/house > docs/house.svg
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
)

const module = "github.com/gatepost/gatepost/"

// outside are packages that the program does not have in it.
var outside = []string{"acceptance", "auth/authtest", "auth/provider/providertest", "bench", "examples/go",
	"auth/passkey/passkeytest", "internal/smtp/postoffice", "scripts/house",
	"scripts/pack"}

// room is a package with the rooms it imports.
type room struct {
	name    string
	imports []string
	row, at int // from the bottom, from the left
}

func main() {
	rooms, err := read()
	if err != nil {
		fmt.Fprintln(os.Stderr, "house:", err)
		os.Exit(1)
	}
	draw(os.Stdout, rooms)
}

// read asks Go for the packages of the module.
func read() (map[string]*room, error) {
	out, err := exec.Command("go", "list", "-json=ImportPath,Imports", module+"...").Output()
	if err != nil {
		return nil, fmt.Errorf("list the packages: %w", err)
	}
	rooms := map[string]*room{}
	for d := json.NewDecoder(strings.NewReader(string(out))); d.More(); {
		var p struct {
			ImportPath string
			Imports    []string
		}
		if err := d.Decode(&p); err != nil {
			return nil, fmt.Errorf("read the packages: %w", err)
		}
		name := strings.TrimPrefix(p.ImportPath, module)
		if slices.Contains(outside, name) {
			continue
		}
		r := &room{name: name}
		for _, imported := range p.Imports {
			if other, ours := strings.CutPrefix(imported, module); ours {
				r.imports = append(r.imports, other)
			}
		}
		rooms[name] = r
	}
	return rooms, nil
}

// place gives each room a row above all that it imports, and the rooms of a row their order.
func place(rooms map[string]*room) (rows [][]*room) {
	var rowOf func(*room) int
	rowOf = func(r *room) int {
		row := 0
		for _, other := range r.imports {
			row = max(row, rowOf(rooms[other])+1)
		}
		return row
	}
	for _, r := range rooms {
		r.row = rowOf(r)
		for len(rows) <= r.row {
			rows = append(rows, nil)
		}
		rows[r.row] = append(rows[r.row], r)
	}
	for _, row := range rows {
		slices.SortFunc(row, func(a, b *room) int { return strings.Compare(a.name, b.name) })
		for i, r := range row {
			r.at = i
		}
	}
	return rows
}

// needed leaves out the imports that others of a room imply.
func needed(rooms map[string]*room, r *room) (list []string) {
	for _, one := range r.imports {
		implied := slices.ContainsFunc(r.imports, func(other string) bool {
			return other != one &&
				reaches(rooms, other, one)
		})
		if !implied {
			list = append(list, one)
		}
	}
	return list
}

func reaches(rooms map[string]*room, from, to string) bool {
	return slices.ContainsFunc(rooms[from].imports, func(other string) bool {
		return other == to ||
			reaches(rooms, other, to)
	})
}

const (
	boxWidth, boxHeight = 132, 30
	gapWidth, gapHeight = 18, 46
)

// draw writes the picture. Whoever reads pages in the dark sees it too.
func draw(w io.Writer, rooms map[string]*room) {
	rows := place(rooms)
	widest := 0
	for _, row := range rows {
		widest = max(widest, len(row))
	}
	width, height := widest*(boxWidth+gapWidth)+gapWidth, len(rows)*(boxHeight+gapHeight)
	left := func(r *room) int {
		used := len(rows[r.row])*(boxWidth+gapWidth) - gapWidth
		return (width-used)/2 + r.at*(boxWidth+gapWidth)
	}
	top := func(r *room) int { return height - (r.row+1)*(boxHeight+gapHeight) + gapHeight/2 }
	fmt.Fprintf(w, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="13">
<title>The rooms of Gatepost: each arrow is an import</title>
<style>
rect { fill: #eef2f8; stroke: #33507a } text { fill: #13233a } path { stroke: #7a8aa0; fill: none }
@media (prefers-color-scheme: dark) { rect { fill: #1b2635; stroke: #8fb0dd } text { fill: #e8eef7 } `+
		`path { stroke: #6f8099 } }
</style>
<defs><marker id="to" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">
<path d="M0 0 8 4 0 8"/></marker></defs>
`, width, height)
	for _, row := range rows {
		for _, r := range row {
			for _, other := range needed(rooms, r) {
				o := rooms[other]
				x, y, tx, ty := left(r)+boxWidth/2, top(r)+boxHeight, left(o)+boxWidth/2, top(o)
				fmt.Fprintf(w, `<path d="M%d %dC%d %d %d %d %d %d" marker-end="url(#to)"/>`+"\n",
					x, y, x, y+gapHeight/2, tx, ty-gapHeight/2, tx, ty)
			}
		}
	}
	for _, row := range rows {
		for _, r := range row {
			fmt.Fprintf(w, `<rect x="%d" y="%d" width="%d" height="%d" rx="5"/>`+
				`<text x="%d" y="%d" text-anchor="middle">%s</text>`+"\n",
				left(r), top(r), boxWidth, boxHeight, left(r)+boxWidth/2, top(r)+boxHeight/2+5, r.name)
		}
	}
	fmt.Fprintln(w, "</svg>")
}
