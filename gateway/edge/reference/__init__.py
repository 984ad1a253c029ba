"""The reference for makers of partners' software: the OpenAPI document and the page that shows it, on the same port."""
