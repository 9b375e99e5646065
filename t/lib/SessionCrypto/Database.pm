package SessionCrypto::Database;

# Lines for sessions in a database of SQLite, in the server's directory. A page below /sql
# runs SQL there, and has no session.

use strict;
use warnings;

use Exporter qw(import);

our @EXPORT_OK = qw($CONNECTION $STATEMENTS);

our $CONNECTION = <<'END';
DBDriver sqlite3
DBDParams "@DIR@/sessions.db"
DBDInitSQL "PRAGMA synchronous = OFF"
<Location /sql>
    Session Off
</Location>
END

# The statements of mod_session_dbd. The table is to be there before httpd prepares them.
our $STATEMENTS = <<'END';
DBDPrepareSQL "delete from session where key = %s" deletesession
DBDPrepareSQL "update session set value = %s, expiry = %lld, key = %s where key = %s" updatesession
DBDPrepareSQL "insert into session (value, expiry, key) values (%s, %lld, %s)" insertsession
DBDPrepareSQL "select value from session where key = %s and (expiry = 0 or expiry > %lld)" selectsession
DBDPrepareSQL "delete from session where expiry != 0 and expiry < %lld" cleansession
END

1;
