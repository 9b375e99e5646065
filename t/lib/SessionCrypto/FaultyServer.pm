package SessionCrypto::FaultyServer;

# A server with a section of each kind, for tests in which calls of its module fail.
#
#   my $server = SessionCrypto::FaultyServer->new($faults, name => 'startup');
#   $server->httpd                          # started with SessionCrypto::Faults
#   $server->start                          # whether it starts
#   $server->restart                        # whether it serves after a graceful restart
#   my $tokens = $server->tokens;           # sessions, by their paths
#   $server->wrong($tokens)                 # what is wrong with these and with new ones
#   $server->wrong                          # what is wrong with sessions, '' if nothing
#   $server->is_harmless($what, $class, $most, $floor, $work);    # for SessionCrypto::Faults
#   $server->wrong_end(@lines)              # what is wrong with an end, '' if nothing
#   $server->wrong_lines(@lines)            # what is wrong with the words of a log
#
# Every passphrase of it has SECRET, and every session SESSION.

use strict;
use warnings;

use Test::More ();

use SessionCrypto::Certificates qw(certificate openssl);
use SessionCrypto::Engines      qw(section);
use SessionCrypto::Httpd        ();
use SessionCrypto::KeySets      qw(key key_set);
use SessionCrypto::Waiting      qw(wait_until);

use constant { SECRET => 'S3cr3t-of-many-bytes', SESSION => 'user=joe', SECONDS => 60 };

# A line that says why httpd does not start.
use constant REASON => qr/\bSC0[3579]\d\d: \S/;

sub new {
    my ($class, $faults, %args) = @_;
    my $httpd = SessionCrypto::Httpd->new(
        one_child => 1, %args,
        # Sessions are on where they are encrypted, and nowhere else.
        session => "SessionEnv On\nSessionHeader X-S\nSessionCookieName session path=/",
    );
    my $self = bless { faults => $faults, httpd => $httpd }, $class;
    $self->_write_files;
    my %section = $self->_sections;
    $self->{paths} = [sort keys %section];
    $httpd->{config} = join "\n", 'SessionMaxAge 3600', 'SessionCryptoRevocation on file=@DIR@/ended',
        # Browsers register over TLS, which ends before this server.
        'ServerName https://127.0.0.1', section('/device/end', 'SetHandler session-crypto-device'), map { section("/$_", 'Session On', @{ $section{$_} }) } $self->paths;
    return $self;
}

sub httpd { return $_[0]{httpd} }
sub paths { return @{ $_[0]{paths} } }

sub _write_files {
    my ($self) = @_;
    my $httpd = $self->{httpd};
    my $dir   = $httpd->dir;
    certificate($dir, 'rsa', 'rsa:2048');
    certificate($dir, 'ec',  'ec:P-256');
    # Few rounds: a test reads the key some thousand times.
    openssl(qw(pkcs8 -topk8 -v2 aes-256-cbc -iter 2 -in), "$dir/ec.key", '-out', "$dir/ec.p8", '-passout', "pass:@{[SECRET]}");
    $httpd->write_file('keys',        key_set(key('one')),                        0600);
    $httpd->write_file('passphrases', join("\n", SECRET . '-new', SECRET . '-old', ''), 0600);
    $httpd->write_file('program',     "#!/bin/sh\necho @{[SECRET]}-printed\n",    0755);
    return;
}

sub _sections {
    my ($self) = @_;
    my $passphrase = 'SessionCryptoPassphrase ' . SECRET;
    my $jwe        = 'SessionCryptoCipher aes-256-gcm';
    return (
        classic  => ['SessionCryptoPassphraseFile passphrases'],
        provider => ['SessionCryptoEngine provider:legacy', 'SessionCryptoCertificateFile @DIR@/ec.pem',
            'SessionCryptoCertificateKeyFile @DIR@/ec.key'],
        program  => ['SessionCryptoPassphrase "exec:@DIR@/program"', $jwe],
        life     => [$passphrase, $jwe, 'SessionCryptoMaxLifetime 1h'],
        device   => [$passphrase, $jwe, 'SessionCryptoDevice offer', 'SessionCryptoDevicePath /device/end'],
        keys     => ['SessionCryptoKeyFile keys'],
        rsa      => ['SessionCryptoCertificateFile @DIR@/rsa.pem', 'SessionCryptoCertificateKeyFile @DIR@/rsa.key'],
        ec       => ['SessionCryptoCertificateFile @DIR@/ec.pem', 'SessionCryptoCertificateKeyFile @DIR@/ec.p8', $passphrase],
    );
}

# Lets each call of a class fail in some work, or as many, and asserts that no harm is done;
# and that there are at least `floor` calls: otherwise the library does not see them.
sub is_harmless {
    my ($self, $what, $class, $most, $floor, $work) = @_;
    my $done  = $self->{faults}->each_call($class, $most, $work);
    my $names = join ', ', sort keys %{ $done->{names} };
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    Test::More::is($done->{wrong}, 0, "$what: $done->{count} of $done->{calls} calls that fail harm nobody");
    Test::More::cmp_ok($done->{calls}, '>=', $floor, "and they are as many as there must be, of $names");
    return;
}

# Starts the server, and returns whether it serves. Arguments are those of `preloaded`.
sub start {
    my ($self, %args) = @_;
    return 0 if !eval { $self->{faults}->preloaded(sub { $self->{httpd}->start }, %args); 1 };
    # An answer comes after all work of the child's start.
    return $self->{httpd}->client->get('/plain')->status == 200;
}

# Restarts the server gracefully. Returns whether it serves, with new children alone.
sub restart {
    my ($self) = @_;
    my $httpd  = $self->{httpd};
    my %former = map { $_ => 1 } $httpd->children;
    my $resumed = sub { scalar(() = $httpd->log->lines(qr/resuming normal operations/)) };
    my $before  = $resumed->();
    kill USR1 => $httpd->pid or die "no httpd to restart\n";
    wait_until(sub { $httpd->has_ended || ($resumed->() > $before && !grep { $former{$_} } $httpd->children) }, SECONDS)
        or die "no restart\n";
    return !$httpd->has_ended && $httpd->client->get('/plain')->status == 200;
}

# Logs in everywhere, and opens the sessions; and those of `tokens`, which may be left out.
sub wrong {
    my ($self, $tokens) = @_;
    my $client = $self->{httpd}->client;
    my @wrong;
    for my $path ($self->paths) {
        my $res   = $client->get("/$path", 'X-S' => SESSION);
        my $token = $res->token // '';
        push @wrong, "$path: in clear" if join(' ', map { $res->header($_) } qw(set-cookie x-s)) =~ /user=joe/;
        push @wrong, "$path: status " . $res->status . ", no session" if $token eq '';
        for my $sealed (grep { defined && $_ ne '' } $token, $tokens->{$path}) {
            my $body = $client->get("/$path", session => $sealed)->body;
            push @wrong, "$path: a session of '$body'" if $body !~ /\A(?:expiry=\d+&)?${\SESSION}\b/;
        }
    }
    return join '; ', @wrong, $self->wrong_lines($self->{httpd}->log->lines);
}

# Sessions, by their paths.
sub tokens {
    my ($self) = @_;
    my $client = $self->{httpd}->client;
    return { map { $_ => $client->get("/$_", 'X-S' => SESSION)->token } $self->paths };
}

# The mistake of a process that has ended: a signal, or silence.
sub wrong_end {
    my ($self, @lines) = @_;
    my $status = $self->{httpd}->status;
    # A shell has such a status in place of the signal.
    my $signal = $status & 127 || ($status >> 8 > 128 ? ($status >> 8) - 128 : 0);
    return join '; ', $signal ? "ended by signal $signal" : (), $status ? () : 'ended without an error',
        (grep { $_ =~ REASON } @lines) ? () : "silence: @lines", $self->wrong_lines(@lines);
}

# Rust's library panics where the system has no random bytes at all, neither of getrandom(2)
# nor in a file. That is contained, and httpd does not start.
use constant NO_RANDOM => qr{panicked at \S+/std/src/sys/random/linux\.rs|SC0592: an internal error was contained in the pre_config hook};

# Runs work in which all calls of a class fail.
sub without {
    my ($self, $class, $work) = @_;
    local $self->{excused} = $class eq 'random' ? NO_RANDOM : undef;
    return $work->();
}

# Words that no line may have.
sub wrong_lines {
    my ($self, @lines) = @_;
    @lines = grep { !/$self->{excused}/ } @lines if $self->{excused};
    return join '; ', map { "error_log: $_" } grep { /panicked|exit signal|SC0592|memory allocation of|${\SECRET}/ } @lines;
}

1;
