module selvedge-against-go

go 1.22
