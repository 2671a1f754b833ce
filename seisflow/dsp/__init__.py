"""Arrays in, arrays out: filters, windows, spectra, correlation and the quality of samples."""
