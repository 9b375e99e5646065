# The programs of docs/rotation.md seal all sessions of a database again while httpd writes
# to it: afterwards none is lost, none is stale, and none is older than httpd's last word.

use strict;
use warnings;

use Crypt::JWT   qw(decode_jwt encode_jwt);
use MIME::Base64 qw(decode_base64url);
use POSIX        ();
use Test::More;

use SessionCrypto::Database     qw($STATEMENTS);
use SessionCrypto::DatabasePage qw(table_sqlite);
use SessionCrypto::Httpd        ();
use SessionCrypto::Jwe          ();
use SessionCrypto::KeySets      qw(key key_set);
use SessionCrypto::Pages        qw(blocks);
use SessionCrypto::Postgres     ();
use SessionCrypto::System       qw(read_file run write_file);
use SessionCrypto::Waiting      qw(wait_until);

# HTSESSION_ROWS=100000 is for machines with time.
my $ROWS    = $ENV{HTSESSION_ROWS} // 2000;
my $WRITERS = 4;

# Rows that httpd writes to while they are sealed again, in turn.
my $TOUCHED = $ROWS >= 10_000 ? 400 : 100;

my $CONNECTIONS = <<'END';
# All connections are there before others write: APR-util waits for SQLite's lock to run a
# statement, and not to prepare one.
DBDMin 8
DBDKeep 8
DBDMax 8
END

my $SESSIONS = <<'END';
Session On
SessionEnv On
SessionHeader X-S
SessionDBDCookieName session path=/
SessionDBDCookieRemove Off
SessionCryptoKeyFile session-keys
<LocationMatch "^/(?!new)">
    SessionCryptoPassphraseFile session-passphrases
</LocationMatch>
END

my $old = SessionCrypto::Jwe->new(passphrase => 'old');
my $new = key('new');

subtest 'SQLite' => sub {
    plan skip_all => 'no program sqlite3' if !grep { -x "$_/sqlite3" } split /:/, $ENV{PATH};
    is_rekeyed(
        table  => table_sqlite(),
        driver => qq(DBDriver sqlite3\nDBDParams "\@DIR\@/sessions.db"\nDBDInitSQL "PRAGMA synchronous = OFF"),
        query  => sub { my ($dir, $sql) = @_; run('sqlite3', '-batch', '-separator', "\t", "$dir/sessions.db", $sql) },
        load   => sub { my ($dir) = @_; run('sqlite3', '-batch', "$dir/sessions.db", '.mode tabs', ".import '$dir/all' session") },
        shell  => q(sqlite3 -batch -cmd '.timeout 60000' sessions.db),
        block  => qr/sqlite3/,
    );
};

subtest 'PostgreSQL' => sub {
    my $database = SessionCrypto::Postgres->new;
    local @ENV{qw(PATH PGHOST PGUSER PGDATABASE)} = $database->environment;
    is_rekeyed(
        table  => 'create table session (key text primary key, value text, expiry bigint)',
        driver => $database->lines,
        query  => sub { my ($dir, $sql) = @_; join "\n", $database->query($sql) },
        load   => sub { my ($dir) = @_; run('psql', '-X', '-q', '-c', "\\copy session from '$dir/all'") },
        shell  => 'psql -X -q -c',
        block  => qr/psql/,
    );
    $database->stop;
};

done_testing;

sub is_rekeyed {
    my (%database) = @_;
    my $httpd = SessionCrypto::Httpd->new(one_child => 1, session => '',
        config => "$database{driver}\n$STATEMENTS$CONNECTIONS$SESSIONS");
    my $dir   = $httpd->dir;
    my $query = sub { $database{query}->($dir, @_) };
    $httpd->write_file('session-keys',        key_set($new), 0600);
    $httpd->write_file('session-passphrases', "old\n",       0600);
    $query->($database{table});
    my @rows = map { sprintf '%08x-0000-4000-8000-000000000000', $_ } 1 .. $ROWS;
    write_file("$dir/all", join '', map { "$rows[$_]\t" . $old->token(session => "user=row$_") . "\t0\n" } 0 .. $#rows);
    $database{load}->($dir);
    my ($ok, $output) = $httpd->check;
    return plan skip_all => 'no driver of APR-util for this database' if !$ok && $output =~ /DBDriver/i;
    $httpd->start;

    # Each writer has rows of its own, and knows what it has written last.
    my @writers;
    for my $number (0 .. $WRITERS - 1) {
        my @own = @rows[grep { $_ % $WRITERS == $number } 0 .. $TOUCHED - 1];
        push @writers, start_writer($httpd, $number, @own);
    }
    wait_until(sub { @writers == grep { -e "$dir/begun$_" } 0 .. $#writers }, 120) or die "the writers do not begin\n";
    # mod_session_dbd gives a session another key when it writes it. This row keeps its key.
    my $kept = $rows[-1];
    my %last = ($kept => 'user=kept');
    my $token = encode_jwt(payload => $last{$kept}, alg => 'A256KW', enc => 'A256GCM',
        key => decode_base64url($new->{k}), extra_headers => { kid => 'new' });
    rekey($dir, $database{block}, qq($database{shell} "update session set value = '$token' where key = '$kept'"));
    my $first = () = read_file("$dir/rekeyed") =~ /\n/g;
    write_file("$dir/stop", '');
    for my $writer (@writers) {
        waitpid $writer->{pid}, 0;
        is($?, 0, 'a writer finds in each session what it has written last');
        for (split /\n/, read_file($writer->{last})) {
            my ($key, $session) = split /\t/;
            $last{$key} = $session;
        }
    }
    cmp_ok($first, '>', $ROWS / 2, 'the first run has sealed most rows');

    rekey($dir, $database{block});
    is(read_file("$dir/rekeyed"), '', 'after it, no row is stale');
    my %value = map { split /\t/ } split /\n/, $query->('select key, value from session');
    is(keys %value, $ROWS, 'no row is lost, and none is new');
    my @wrong;
    for my $key (keys %value) {
        my $session = opened($value{$key}) // 'none';
        my $number  = hex(substr $key, 0, 8) - 1;
        my $expected = $last{$key} // "user=row$number";
        push @wrong, "$key has $session, and not $expected" if $session ne $expected;
    }
    is(@wrong, 0, 'each row has the session that was last written to it') or diag($wrong[0]);
    my $client = $httpd->client;
    my @sample = (sort keys %value)[0 .. 49];
    is(grep({ $client->get('/new', session => $_)->body ne ($last{$_} // 'user=row' . (hex(substr $_, 0, 8) - 1)) } @sample),
        0, 'httpd opens them without the passphrase');
    $httpd->stop;
    $httpd->log->clean;
    return;
}

# Runs the program of the page as it is. Between its reading and its writing, each writer
# writes to rows that were stale when they were read.
sub rekey {
    my ($dir, $pattern, $between) = @_;
    my ($block) = grep { $_->{text} =~ $pattern && $_->{text} =~ /rekey/ } blocks('docs/rotation.md', 'sh');
    my $htsession = SessionCrypto::Httpd::env('HTSESSION');
    my $wait = join "\n", map { "until [ -e '$dir/written$_' ]; do sleep 0.02; done" } 0 .. $WRITERS - 1;
    write_file("$dir/program", <<"END");
set -e
cd '$dir'
htsession() {
    '$htsession' "\$@"
    : > '$dir/read'
    $wait
    @{[$between // '']}
}
$block->{text}
END
    is(eval { run('sh', "$dir/program") } // $@, '', "$block->{where} runs");
    return;
}

# Starts a process that writes to its rows in turn until it is told to stop.
sub start_writer {
    my ($httpd, $number, @own) = @_;
    my $dir    = $httpd->dir;
    my %writer = (number => $number, last => "$dir/last$number");
    $writer{pid} = fork // die "fork: $!\n";
    return \%writer if $writer{pid};
    my $written = eval { write_sessions($httpd, \%writer, @own); 1 };
    print STDERR "writer $number: $@" if !$written;
    POSIX::_exit($written ? 0 : 1);
}

sub write_sessions {
    my ($httpd, $writer, @own) = @_;
    my ($client, $dir) = ($httpd->client, $httpd->dir);
    my @sessions = map { { key => $_, user => 'row' . (hex(substr $_, 0, 8) - 1), count => 0 } } @own;
    my $text     = sub { my ($session) = @_; "user=$session->{user}" . ($session->{count} ? "&count=$session->{count}" : '') };
    my $write    = sub {
        my ($session) = @_;
        my $before = $text->($session);
        $session->{count}++;
        my $response = $client->get('/', session => $session->{key}, 'X-S' => $text->($session));
        die "$session->{key} had '" . $response->body . "' and not '$before'\n" if $response->body ne $before;
        $session->{key} = $response->token // die "$session->{key}: no cookie, status " . $response->status . "\n";
    };
    my @first = @sessions[0 .. $#sessions / 2];
    my @rest  = @sessions[@first .. $#sessions];
    $write->($_) for @first;
    write_file("$dir/begun$writer->{number}", '');
    until (-e "$dir/read") { $write->($first[rand @first]) }
    $write->($_) for @rest;
    write_file("$dir/written$writer->{number}", '');
    until (-e "$dir/stop") { $write->($sessions[rand @sessions]) }
    write_file($writer->{last}, join '', map { "$_->{key}\t" . $text->($_) . "\n" } grep { $_->{count} } @sessions);
    return;
}

# The session of a token under the new key, opened without the module.
sub opened {
    my ($token) = @_;
    return eval { decode_jwt(token => $token, key => decode_base64url($new->{k}), decode_payload => 0) };
}
