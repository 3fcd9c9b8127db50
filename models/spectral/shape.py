"""The one shape of a spectral image, and which records of a signal make one.

A window of 128 records gives 128 columns, so there is one column per record (hop 1), and something must stand where a
column's taper reaches beyond the window. Every column here looks *back*: column t covers the 64 records that end with
record t, so the window's first columns reach into the 63 records before it (zeros, the mean, where nothing came before).
Nothing is made up at a window's edges, and a column is the same in every window that holds it: windows that overlap by
three quarters share three quarters of the work, and a live stream computes 32 new columns per picture and not 128.
Centred columns with reflected or zero edges would be shared by a quarter of a window only.

The taper is shorter than the transform. 254 points give exactly 128 bins; a Hann taper of 64 records spreads a tone over
8 bins to either side, as many rows as one cell of the 16×16 latent grid has, and is itself 64 records long (its half,
32, is one stride). A taper of all 254 records would blur a window of 128 over its whole length.
"""

RECORDS = 128  # records of a window, columns of a picture
STRIDE = 32  # records between the beginnings of two windows
TRANSFORM = 254  # points of the discrete Fourier transform
BINS = TRANSFORM // 2 + 1  # 128 rows of a picture, row 0 at 0 Hz
TAPER = 64  # records that one column sees, tapered by a periodic Hann window
LEAD = TAPER - 1  # records before a window that its columns look back on
BANDS = 3
PICTURE = (BANDS, BINS, RECORDS)  # band, frequency, time
