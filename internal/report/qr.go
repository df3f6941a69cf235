package report

import (
	"fmt"
	"html/template"
	"strings"

	"github.com/boombuler/barcode/qr"

	"byok/internal/fingerprint"
)

// code draws a hash, in hex, as a QR code (ISO/IEC 18004) in SVG: level M, with
// the quiet zone of four modules.
func code(sum fingerprint.Sum) (template.HTML, error) {
	const quiet = 4
	image, err := qr.Encode(strings.ToUpper(sum.String()), qr.M, qr.AlphaNumeric)
	if err != nil {
		return "", err
	}
	size := image.Bounds().Dx()
	var path strings.Builder
	for y := range size {
		for x := range size {
			if r, _, _, _ := image.At(x, y).RGBA(); r == 0 {
				fmt.Fprintf(&path, "M%d %dh1v1h-1z", x+quiet, y+quiet)
			}
		}
	}
	return template.HTML(fmt.Sprintf( //nolint:gosec // digits alone
		`<svg viewBox="0 0 %d %d" role="img" aria-label="QR code of the hash"><path d="%s"/></svg>`,
		size+2*quiet, size+2*quiet, path.String())), nil
}
