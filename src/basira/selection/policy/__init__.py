"""The policy: a folder of dated TOML files enters, the version in force leaves."""
