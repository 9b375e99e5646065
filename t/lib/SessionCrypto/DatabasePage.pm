package SessionCrypto::DatabasePage;

# The statements of docs/database.md, in a PostgreSQL of the test and for servers of the test.
#
#   my $database = database();                        # with the table of the page
#   my $sql      = table();                           # what makes that table
#   my $lines    = server_lines($database);           # the lines of the page, for this database
#   my $shop     = cookie_section();                  # the section with sessions in cookies
#   my $httpd    = server($database, name => ...);    # a server with them, not started; of Httpd's arguments:
#                                                     # lines => sub { change $_ }, key => the key of its key file
#   session_of($response)                             # without the entry that SessionMaxAge makes
#   my $clean    = cleaning();                        # the statement that deletes expired rows
#   table_sqlite(), cleaning_sqlite()                 # the same for SQLite

use strict;
use warnings;

use Exporter qw(import);

use SessionCrypto::Httpd    ();
use SessionCrypto::KeySets  qw(key key_set);
use SessionCrypto::Pages    qw(blocks);
use SessionCrypto::Postgres ();

our @EXPORT_OK = qw(cleaning cleaning_sqlite cookie_section database server server_lines session_of table table_sqlite);

use constant PAGE => 'docs/database.md';

# Lines that tests need beside those of the page.
use constant BESIDE => <<'END';
SessionEnv On
SessionHeader X-S
END

sub database {
    my $database = SessionCrypto::Postgres->new;
    $database->query(table());
    return $database;
}

sub table    { return (blocks(PAGE, 'sql'))[0]{text} }
sub cleaning { return (blocks(PAGE, 'sql'))[1]{text} }

sub table_sqlite    { return (blocks(PAGE, 'sql'))[2]{text} }
sub cleaning_sqlite { return (blocks(PAGE, 'sql'))[3]{text} }

sub server_lines {
    my ($database) = @_;
    my $lines = (blocks(PAGE, 'apache'))[0]{text};
    $lines =~ s/^DBDriver .*\nDBDParams .*\n/$database->lines/me or die PAGE . ": no DBDriver and DBDParams\n";
    return $lines;
}

sub cookie_section { return (blocks(PAGE, 'apache'))[1]{text} }

sub session_of { return join '&', grep { !/^expiry=/ } split /&/, $_[0]->body }

sub server {
    my ($database, %args) = @_;
    my ($change, $key) = delete @args{qw(lines key)};
    local $_ = server_lines($database);
    $change->() if $change;
    my $httpd = SessionCrypto::Httpd->new(one_child => 1, session => '', %args, config => $_ . BESIDE . ($args{config} // ''));
    $httpd->write_file('session-keys', key_set($key // key('one')), 0600);
    return $httpd;
}

1;
