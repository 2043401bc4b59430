module mquictt/interop

go 1.25
