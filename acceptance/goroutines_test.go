package acceptance_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// bare are the files that start goroutines without internal/upkeep, with the reason why a panic there may end
// the process.
var bare = map[string]string{
	"internal/upkeep/upkeep.go":   "it is what all others go through",
	"internal/doctor/wire.go":     "an examination that fails half is none: it ends, and says so",
	"internal/localpg/process.go": "it keeps a thread for as long as PostgreSQL runs, and does nothing but wait",
}

// All background work is logged and started again when it panics: it is started through internal/upkeep.
func TestEveryWorkInTheBackgroundIsWatched(t *testing.T) {
	t.Parallel()
	starts := 0
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		rel, _ := filepath.Rel("..", path)
		room, _, _ := strings.Cut(rel, "/")
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") ||
			strings.HasPrefix(rel, "auth/authtest/") || strings.HasPrefix(rel, "internal/smtp/postoffice/") ||
			!slices.Contains([]string{"auth", "cmd", "internal", "loginui", "migrations", "proxy"}, room) {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			work, ok := started(n)
			if ok && bare[rel] == "" {
				starts++
				if !watchedWork(work) {
					t.Errorf("%s starts work that is not watched: use upkeep.Watch", rel)
				}
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if starts < 20 {
		t.Errorf("only %d starts were found", starts)
	}
}

// started returns the function that a statement starts: go f(), WaitGroup.Go(f), time.AfterFunc(d, f),
// context.AfterFunc(ctx, f).
func started(n ast.Node) (work ast.Expr, ok bool) {
	switch n := n.(type) {
	case *ast.GoStmt:
		return n.Call, true
	case *ast.CallExpr:
		f, ok := n.Fun.(*ast.SelectorExpr)
		if ok && (f.Sel.Name == "Go" || f.Sel.Name == "AfterFunc") {
			return n.Args[len(n.Args)-1], true
		}
	}
	return nil, false
}

// watchedWork accepts Watch.Run, Watch.Guard, a function that only calls Run, and the cancelling of a context,
// which cannot panic.
func watchedWork(work ast.Expr) bool {
	switch work := work.(type) {
	case *ast.Ident:
		return work.Name == "stop" || work.Name == "cancel"
	case *ast.CallExpr:
		if guarded, ok := work.Fun.(*ast.CallExpr); ok { // a call of what Guard returns
			return watchedWork(guarded)
		}
		f, ok := work.Fun.(*ast.SelectorExpr)
		return ok && (f.Sel.Name == "Run" || f.Sel.Name == "Guard")
	case *ast.FuncLit:
		if len(work.Body.List) != 1 {
			return false
		}
		only, ok := work.Body.List[0].(*ast.ExprStmt)
		return ok && watchedWork(only.X)
	}
	return false
}
