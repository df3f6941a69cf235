package library

import (
	"path/filepath"
	"slices"
	"testing"
)

func TestFollow(t *testing.T) {
	type list = []string
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	put(t, dir+"/a/b/file", "")
	put(t, dir+"/c/file", "")
	link(t, "b", dir+"/a/relative")
	link(t, dir+"/c", dir+"/a/absolute")
	link(t, "absolute", dir+"/a/chain")
	link(t, "../../c/./file", dir+"/a/b/up")
	above, err := follow(dir)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		path, at string
		places   list // below dir
		links    list
	}{
		"plain":            {"/a/b/file", "/a/b/file", list{"/a", "/a/b", "/a/b/file"}, nil},
		"doubled slashes":  {"//a//b/./file", "/a/b/file", list{"/a", "/a/b", "/a/b/file"}, nil},
		"relative link":    {"/a/relative/file", "/a/b/file", list{"/a", "/a/b", "/a/b/file"}, list{"/a/relative"}},
		"absolute link":    {"/a/absolute/file", "/c/file", list{"/a", "/c", "/c/file"}, list{"/a/absolute"}},
		"chain":            {"/a/chain/file", "/c/file", list{"/a", "/c", "/c/file"}, list{"/a/chain", "/a/absolute"}},
		"up in a target":   {"/a/b/up", "/c/file", list{"/a", "/a/b", "/c", "/c/file"}, list{"/a/b/up"}},
		"up behind a link": {"/a/absolute/../c/file", "/c/file", list{"/a", "/c", "/c/file"}, list{"/a/absolute"}},
		"up":               {"/a/b/../../c/file", "/c/file", list{"/a", "/a/b", "/c", "/c/file"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := follow(dir + c.path)
			if err != nil {
				t.Fatal(err)
			}
			want := walk{at: dir + c.at, places: slices.Clone(above.places)}
			for _, place := range c.places {
				want.places = append(want.places, dir+place)
			}
			for _, path := range c.links {
				want.links = append(want.links, dir+path)
			}
			if got.at != want.at || !slices.Equal(got.places, want.places) || !slices.Equal(got.links, want.links) {
				t.Errorf("\n got %+v\nwant %+v", got, want)
			}
			if kernel, err := filepath.EvalSymlinks(dir + c.path); err != nil || kernel != got.at {
				t.Errorf("EvalSymlinks goes to %s, %v", kernel, err)
			}
		})
	}
}
