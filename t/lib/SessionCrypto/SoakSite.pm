package SessionCrypto::SoakSite;

# The server of t/soak.t: a section for each format, store and kind of key, and a list of ended
# sessions that goes by a store.
#
#   my $site = SessionCrypto::SoakSite->new($store);
#   $site->httpd
#   $site->leave_database         # from the next restart on
#   $site->rotate                 # puts a new key into the key file, and takes the oldest out
#   $site->change_keys($text)     # writes any text there
#   $site->between_changes($work) # what $work returns, while no process changes the key file
#   $site->counts                 # all counts of the server by name, such as `sealed.jwe`
#   $site->metrics                # the same as Prometheus reads them
#   counted(opened => 'jwe')      # the names of one opening in a section
#
# The counts of keys have the short names of SECTIONS. Those of the key file that rotates are
# counted together, as `set`.

use strict;
use warnings;

use Exporter qw(import);
use Fcntl    qw(LOCK_EX LOCK_SH);
use JSON::PP ();

use SessionCrypto::Certificates qw(certificate);
use SessionCrypto::Connection   ();
use SessionCrypto::Database     qw($CONNECTION $STATEMENTS);
use SessionCrypto::Httpd        ();
use SessionCrypto::KeySets      qw(key key_set);
use SessionCrypto::Preload      qw(preload);
use SessionCrypto::System       qw(read_file);
use SessionCrypto::Waiting      qw(wait_until);

our @EXPORT_OK = qw(EXPIRES SECTIONS WORKERS counted);

use constant { NEW_PASSPHRASE => 'the new passphrase of this test', OLD_PASSPHRASE => 'the old passphrase of this test' };
# The seconds of a session with a short life.
use constant EXPIRES => 1;
use constant { SECONDS => 40, RECORDS => 120_000, KEPT_KEYS => 20 };
# The threads or processes that answer requests.
use constant WORKERS => SessionCrypto::Httpd::env('MPM') eq 'prefork' ? 8 : 16;

# Each section, with the format of its tokens and the short name of its key.
use constant SECTIONS => {
    classic  => ['classic', 'new'],      old     => ['jwe', 'old'],         database => ['classic', 'database'],
    jwe      => ['jwe', 'new'],          purpose => ['jwe', 'new'],         author   => ['classic', 'htaccess'],
    p256     => ['certificate', 'p256'], rsa     => ['certificate', 'rsa'], device   => ['jwe', 'device'],
    set      => ['key_set', 'set'],      fixed   => ['key_set', 'fixed'],   short    => ['key_set', 'fixed'],
};

# The lines of each path. No two of them are of one request, but for those of a handler.
my %LINES = (
    classic  => 'SessionCryptoPassphraseFile passphrases',
    author   => '',
    jwe      => "SessionCryptoPassphraseFile passphrases\nSessionCryptoCipher aes-256-gcm",
    purpose  => "SessionCryptoPassphraseFile passphrases\nSessionCryptoCipher aes-256-gcm\nSessionCryptoPurpose shop",
    old      => qq(SessionCryptoPassphrase "@{[OLD_PASSPHRASE]}"\nSessionCryptoCipher aes-256-gcm),
    p256     => "SessionCryptoCertificateFile p256.pem\nSessionCryptoCertificateKeyFile p256.key",
    rsa      => "SessionCryptoCertificateFile rsa.pem\nSessionCryptoCertificateKeyFile rsa.key",
    set      => 'SessionCryptoKeyFile set',
    fixed    => 'SessionCryptoKeyFile fixed',
    short    => "SessionCryptoKeyFile fixed\nSessionCryptoMaxLifetime @{[EXPIRES]}",
    end      => "SessionCryptoKeyFile fixed\nSetHandler session-crypto-end-sessions",
    device   => qq(SessionCryptoPassphrase "the passphrase of devices"\nSessionCryptoCipher aes-256-gcm\n)
        . "SessionCryptoDevice enforce\nSessionCryptoDevicePath /device/endpoints",
);

my $CONFIG = <<"END";
ServerName https://127.0.0.1
KeepAlive On
MaxKeepAliveRequests 100
KeepAliveTimeout 60
# Memory that a thread keeps for its next request, in KiB.
MaxMemFree 64
# Room for the children of former configurations.
<IfModule mpm_event_module>
    StartServers 2
    ServerLimit 16
    ThreadsPerChild 8
    MaxRequestWorkers @{[WORKERS]}
    # Fewer than two children have fewer.
    MinSpareThreads 9
    MaxSpareThreads 24
</IfModule>
<IfModule mpm_prefork_module>
    StartServers @{[WORKERS]}
    MinSpareServers @{[WORKERS]}
    MaxSpareServers @{[WORKERS + 1]}
    MaxRequestWorkers @{[WORKERS]}
</IfModule>
Session On
SessionEnv On
SessionHeader X-S
<Location "/device/endpoints">
    SetHandler session-crypto-device
</Location>
<Location "/status">
    Session Off
    SetHandler session-crypto-status
</Location>
<Directory "\@DIR\@/htdocs/author">
    AllowOverride AuthConfig
</Directory>
END

$CONFIG .= join '', map { qq(<Location "/$_">\nSessionCookieName session path=/\n$LINES{$_}\n</Location>\n) } sort keys %LINES;

# As many connections as a child has threads, so that their number does not change.
my $DATABASE = "$CONNECTION$STATEMENTS" . <<'END';
DBDMin 8
DBDKeep 8
DBDMax 8
# So that what a connection keeps of the table does not grow with it.
DBDInitSQL "PRAGMA cache_size = 8"
# A wait of APR's driver for a lock is over too early in haste.
DBDInitSQL "PRAGMA busy_timeout = 20000"
<Location "/database">
    SessionDBDCookieName session path=/
    SessionDBDCookieRemove Off
    SessionCryptoPassphrase "the passphrase of the database"
</Location>
END

sub new {
    my ($class, $store) = @_;
    my ($lua) = SessionCrypto::Httpd::env('LUA') =~ m{^(.*)/};
    my $httpd = SessionCrypto::Httpd->new(
        name => 'soak', session => '', echo => '^/(?!status|end|device/endpoints)', loglevel => 'info');
    my $self = bless { httpd => $httpd, keys => [map { key("key$_") } 1 .. KEPT_KEYS], number => KEPT_KEYS }, $class;
    $self->_make_files;
    $self->{has_database} = $self->_make_database($lua);
    $self->{config}  = "SessionCryptoRevocation @{[$store->url]} size=@{[RECORDS]}\n$CONFIG";
    $httpd->{config} = $self->{config} . ($self->{has_database} ? $DATABASE : '');
    # Memory that is freed goes back to the system at once, so that what a process has is in use.
    local @ENV{qw(MALLOC_ARENA_MAX MALLOC_MMAP_THRESHOLD_ MALLOC_TRIM_THRESHOLD_)} = (1, 65_536, 65_536);
    # The parent looks at its key files twenty times as often as it does.
    local $ENV{LD_PRELOAD} = preload($httpd->dir, 'haste');
    $httpd->start;
    return $self;
}

sub _make_files {
    my ($self) = @_;
    my $httpd = $self->{httpd};
    certificate($httpd->dir, 'p256', 'ec:P-256');
    certificate($httpd->dir, 'rsa',  'rsa:2048');
    $httpd->write_file('passphrases', sprintf(qq("%s"\n"%s"\n), NEW_PASSPHRASE, OLD_PASSPHRASE), 0600);
    $httpd->write_file('fixed', key_set(key('fixed')), 0600);
    $httpd->write_file('set', key_set(@{ $self->{keys} }), 0600);
    $httpd->write_file('htdocs/author/.htaccess', qq(SessionCryptoPassphrase "the passphrase of an author"\n));
    return;
}

# A child prepares its statements when it starts, so the table has to be there, as in t/dbd.t.
# With a write-ahead log it does so while others write, unless a connection ends at that time:
# APR's driver of SQLite does not wait for a lock there. So another server keeps the first one.
sub _make_database {
    my ($self, $lua) = @_;
    my $keeper = $self->{keeper} = SessionCrypto::Httpd->new(
        name => 'soak-keeper', one_child => 1, module => 'none', loglevel => 'info', session => '', echo => '^/none',
        handlers => qq(LuaMapHandler ^/sql "$lua/sql.lua"), config => "DBDMin 1\n" . $CONNECTION =~ s/\@DIR\@/$self->{httpd}{dir}/r);
    my ($ok, $output) = $keeper->check;
    return 0 if !$ok && $output =~ /DBDriver/;
    $keeper->start;
    my $sql = sub { return $keeper->client->get('/sql', 'X-Sql' => $_[0])->body };
    $sql->('PRAGMA journal_mode = WAL');
    $sql->('create table session (key text, value text, expiry integer)');
    return 1;
}

# The next configuration has no database, because children that end beside others that start
# would lock it.
sub leave_database {
    my ($self) = @_;
    $self->{has_database} = 0;
    $self->{httpd}{config} = $self->{config};
    $self->{httpd}->write_conf;
    return;
}

sub httpd        { return $_[0]{httpd} }
sub has_database { return $_[0]{has_database} }

sub rotate {
    my ($self) = @_;
    push @{ $self->{keys} }, key('key' . ++$self->{number});
    shift @{ $self->{keys} };
    return $self->change_keys(key_set(@{ $self->{keys} }));
}

# Returns when the parent has said something of the new text of the file.
sub change_keys {
    my ($self, $text) = @_;
    my $lines = sub { return scalar(() = $self->{httpd}->log->lines(qr/SC054[13]: \S+set has changed/)) };
    return $self->_locked(LOCK_EX, sub {
        my $before = $lines->();
        $self->{httpd}->write_file('set', $text, 0600);
        return wait_until(sub { $lines->() > $before }, SECONDS);
    });
}

# For a request that opens a session and seals it: whether it is stale is judged by the opening,
# and a key that begins to seal after that would look like a stale session from outside.
sub between_changes {
    my ($self, $work) = @_;
    return $self->_locked(LOCK_SH, $work);
}

sub _locked {
    my ($self, $kind, $work) = @_;
    my $path = $self->{httpd}->dir . '/changes';
    open my $file, '>>', $path or die "$path: $!\n";
    flock $file, $kind or die "$path: $!\n";
    return $work->();
}

# The names of the counts of `$times` events with a token of a section.
sub counted {
    my ($what, $section, $times) = @_;
    my ($format, $key) = @{ SECTIONS->{$section} };
    return ("$what.$format" => $times // 1, "$key $what" => $times // 1);
}

sub counts {
    my ($self) = @_;
    my $report = JSON::PP::decode_json($self->_status('json'));
    my %counts;
    my @left = ['', $report->{counters}];
    while (my $next = shift @left) {
        my ($name, $value) = @$next;
        if (ref $value) { push @left, map { [$name eq '' ? $_ : "$name.$_", $value->{$_}] } keys %$value }
        else            { $counts{$name} = $value }
    }
    for my $key (@{ $report->{keys} }) {
        # A key that is not configured any more keeps its place.
        my $name = $self->{names}{"$key->{kind} $key->{place}"} //= $self->_short_name($key);
        $counts{"$name $_"} += $key->{$_} for qw(sealed opened);
    }
    $counts{"records $_"} = $report->{revocation}{$_} for qw(used dropped);
    return \%counts;
}

sub _short_name {
    my ($self, $key) = @_;
    my ($kind, $place) = @$key{qw(kind place)};
    return 'htaccess' if $kind eq 'htaccess';
    return $1 if $place =~ m{/(set|fixed|p256|rsa)(?:\.pem)?\z};
    return { 1 => 'new', 2 => 'old' }->{$1} if $place =~ m{/passphrases line (\d+)\z};
    my ($line) = $place =~ / line (\d+)\z/ or return "$kind at $place";
    my ($word) = (split /\n/, read_file($self->{httpd}->conf))[$line - 1] =~ /"the (?:passphrase of \w*? ?)?(old|devices|database)/;
    return { old => 'old', devices => 'device', database => 'database' }->{ $word // '' } // "$kind at $place";
}

# The counts of events alone.
sub metrics {
    my ($self) = @_;
    my %counts;
    for (split /\n/, $self->_status('prometheus')) {
        next if /^#/ || $_ eq '';
        my ($name, $label, $value) = /^session_crypto_(\w+?)(?:_total)?(?:\{\w+="([^"]*)"[^}]*\})? ([\d.e+]+)$/ or die "not a metric: $_\n";
        next if $name =~ /^key_|_seconds|^revocation/;
        $name =~ s/^device_events/devices/;
        $name =~ s/^device_(refused|denied)/devices.$1/;
        $counts{ defined $label ? "$name.$label" : $name } = $value;
    }
    return \%counts;
}

sub _status {
    my ($self, $form) = @_;
    my $answer = SessionCrypto::Connection->new($self->{httpd})->get("/status?$form");
    die 'no status: ' . $answer->status . "\n" if $answer->status != 200;
    return $answer->body;
}

1;
