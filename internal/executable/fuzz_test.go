package executable

import "testing"

// FuzzRead: any file gives an image or an error, and what the image says of
// itself can be read.
func FuzzRead(f *testing.F) {
	for _, file := range specimens() {
		f.Add(file)
		for _, n := range []int{4, 64, 120, len(file) / 2, len(file) - 1} {
			f.Add(file[:n])
		}
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		image, err := Read(file)
		if err != nil {
			return
		}
		for _, s := range image.Segments {
			if len(s.Data) > 0 && len(image.At(s.Address)) == 0 {
				t.Errorf("the segment at %#x cannot be read", s.Address)
			}
		}
		for _, table := range image.Tables {
			for _, f := range table.Functions {
				if f.End < f.Start {
					t.Errorf("%+v", f)
				}
			}
		}
	})
}
