"""Who is calling and what they may do: keys, sessions and OpenID logins enter, a `Principal` or a problem leaves."""
