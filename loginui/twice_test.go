package loginui

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gatepost/gatepost/auth"
)

func sent(ctx context.Context) *http.Request {
	return httptest.NewRequestWithContext(ctx, "POST", "/signup", nil)
}

// A form has one outcome for a minute. One that failed is tried again, and one that a panic ended harms nobody.
func TestAFormThatIsSentTwice(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		known, ran := newTwice(), 0
		send := func(f form, err error) error {
			_, got := known.do(sent(t.Context()), f, false, func(context.Context) (auth.Issued, error) {
				ran++
				return auth.Issued{}, err
			})
			return got
		}
		f, failed := form{Once: "1", Email: "a"}, errors.New("failed")
		for i, step := range []struct {
			f    form
			err  error
			want error
			ran  int
		}{{f, failed, failed, 1}, {f, auth.ErrUnverified, auth.ErrUnverified, 2}, {f, nil, auth.ErrUnverified, 2},
			{form{Once: "1", Email: "b"}, nil, nil, 3}, {form{Once: "2"}, nil, nil, 4}, {form{}, nil, nil, 5},
			{form{}, nil, nil, 6}} {
			if err := send(step.f, step.err); !errors.Is(err, step.want) || ran != step.ran {
				t.Errorf("step %d: %v after %d, want %v after %d", i, err, ran, step.want, step.ran)
			}
		}
		time.Sleep(onceFor)
		if err := send(f, nil); err != nil || ran != 7 {
			t.Errorf("after a minute: %v, %d", err, ran)
		}
		func() {
			defer func() { _ = recover() }()
			_, _ = known.do(sent(t.Context()), form{Once: "3"}, false, func(context.Context) (auth.Issued, error) {
				panic("a fault")
			})
		}()
		if err := send(form{Once: "3"}, nil); err != nil {
			t.Errorf("after a panic: %v", err)
		}
	})
}

// A browser that sends a form again gives up the first one. Where that one ends for this reason, the second one is not
// told so, but tried.
func TestAFormWhoseFirstSendingWasGivenUpIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tw, f := newTwice(), form{Once: "1", Email: "ada@example.com"}
		first, leave := context.WithCancel(t.Context())
		go func() {
			_, _ = tw.do(sent(first), f, false, func(context.Context) (auth.Issued, error) {
				<-first.Done()
				return auth.Issued{}, fmt.Errorf("hash: %w", first.Err())
			})
		}()
		synctest.Wait()
		tries := 0
		second := make(chan error)
		go func() {
			_, err := tw.do(sent(t.Context()), f, false, func(context.Context) (auth.Issued, error) {
				tries++
				return auth.Issued{}, nil
			})
			second <- err
		}()
		synctest.Wait()
		leave()
		if err := <-second; err != nil || tries != 1 {
			t.Errorf("the second one: %v after %d tries", err, tries)
		}
	})
}

// Forms that are known have a bound. Those beyond it are forms like any other.
func TestKnownFormsHaveABound(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		known, ran := newTwice(), 0
		sign := func(context.Context) (auth.Issued, error) { ran++; return auth.Issued{}, nil }
		for range 2 {
			for i := range onceMost + 10 {
				_, _ = known.do(sent(t.Context()), form{Once: fmt.Sprint(i)}, false, sign)
			}
		}
		if len(known.all) != onceMost || ran != onceMost+20 {
			t.Errorf("%d are known, after %d", len(known.all), ran)
		}
		time.Sleep(onceFor)
		_, _ = known.do(sent(t.Context()), form{Once: "new"}, false, sign)
		if len(known.all) > 1 {
			t.Errorf("%d are known after a minute", len(known.all))
		}
	})
}

// A solution counts once. So what has one does not end when the browser gives the first form up, and the second form
// gets its outcome.
func TestAFormWithASolutionGoesOnForTheSecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tw, f := newTwice(), form{Once: "1", Email: "ada@example.com"}
		first, leave := context.WithCancel(t.Context())
		goOn, second, tries := make(chan struct{}), make(chan error), 0
		task := func(ctx context.Context) (auth.Issued, error) { tries++; <-goOn; return auth.Issued{}, ctx.Err() }
		go func() { _, _ = tw.do(sent(first), f, true, task) }()
		synctest.Wait()
		go func() {
			_, err := tw.do(sent(t.Context()), f, true, task)
			second <- err
		}()
		synctest.Wait()
		leave()
		close(goOn)
		if err := <-second; err != nil || tries != 1 {
			t.Errorf("the second one: %v after %d tries", err, tries)
		}
	})
}

// What a form of one page came to is not the answer to another page's.
func TestFormsAreKnownByTheirPage(t *testing.T) {
	t.Parallel()
	tw, f := newTwice(), form{Once: "1", Email: "ada@example.com"}
	if tw.of("/signup", f) == tw.of("/login/forgot", f) {
		t.Error("they are the same")
	}
}
