package report

import (
	m "byok/internal/markup"
	"strings"

	"github.com/boombuler/barcode/qr"

	"byok/internal/fingerprint"
)

// code draws a hash, in hex, as a QR code (ISO/IEC 18004) in SVG: level M, with
// the quiet zone of four modules. A hash always fits one.
func code(sum fingerprint.Sum) m.HTML {
	const quiet = 4
	image, err := qr.Encode(strings.ToUpper(sum.String()), qr.M, qr.AlphaNumeric)
	if err != nil {
		return warn(m.Text(err))
	}
	size := image.Bounds().Dx()
	var path m.HTML
	for y := range size {
		for x := range size {
			if r, _, _, _ := image.At(x, y).RGBA(); r == 0 {
				path += m.Tag("M%d %dh1v1h-1z", x+quiet, y+quiet)
			}
		}
	}
	box := m.Tag(`<svg viewBox="0 0 %d %d" role="img" aria-label="QR code of the hash">`, size+2*quiet, size+2*quiet)
	return m.Of(box, `<path d="`, path, `"/></svg>`)
}
