package main

import (
	"encoding/json"
	"reflect"
	"testing"
)

func process(t *testing.T) map[string]any {
	t.Helper()
	var p map[string]any
	spec := `{"capabilities": {"bounding": ["CAP_CHOWN", "CAP_SYS_RESOURCE", "CAP_FROM_THE_FUTURE"]},
		"rlimits": [{"type": "RLIMIT_NOFILE", "hard": 1048576, "soft": 1024}, {"type": "RLIMIT_CORE", "hard": 9999999}],
		"oomScoreAdj": -999}`
	if err := json.Unmarshal([]byte(spec), &p); err != nil {
		t.Fatal(err)
	}
	return p
}

func TestConfinedHostLosesWhatItCannotGrant(t *testing.T) {
	p := process(t)
	host{granted: map[string]bool{"CAP_CHOWN": true, sysResource: false}, maxFiles: 20000, oomScore: 0}.limit(p)
	var got any
	text, _ := json.Marshal(p)
	_ = json.Unmarshal(text, &got)
	var want any
	_ = json.Unmarshal([]byte(`{"capabilities": {"bounding": ["CAP_CHOWN", "CAP_FROM_THE_FUTURE"]},
		"rlimits": [{"type": "RLIMIT_NOFILE", "hard": 20000, "soft": 1024}, {"type": "RLIMIT_CORE", "hard": 9999999}],
		"oomScoreAdj": 0}`), &want)
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %s", text)
	}
}

func TestFreeHostChangesNothing(t *testing.T) {
	p := process(t)
	host{granted: map[string]bool{"CAP_CHOWN": true, sysResource: true}, maxFiles: 20000}.limit(p)
	if want := process(t); !reflect.DeepEqual(p, want) {
		t.Errorf("got %v", p)
	}
}

func TestOption(t *testing.T) {
	for want, args := range map[string][]string{
		"/a": {"create", "--bundle", "/a", "id"},
		"/b": {"create", "--bundle=/b", "id"},
		"/c": {"--root", "/x", "run", "-b", "/c"},
		"":   {"delete", "--force", "id"},
	} {
		if got := option(args, "--bundle", "-b"); got != want {
			t.Errorf("%v: got %q", args, got)
		}
	}
}
