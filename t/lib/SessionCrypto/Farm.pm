package SessionCrypto::Farm;

# A farm: a balancer, three servers, a PostgreSQL with the table of docs/database.md, and a
# Redis. The third server has httpd's own module until it is replaced.
#
#   my $farm = SessionCrypto::Farm->new;
#   $farm->balancer->client->get('/cookie/page');
#   $farm->server(1)->crash;  $farm->server(1)->start_again;
#   $farm->database->stop;  $farm->store->kill;
#   $farm->replace_third;
#   $farm->set_ciphers('aes-256-gcm aes256');
#   $farm->rotate(lead => 5);                   # a new key, on all servers
#
# Each of its three applications has a login (mod_auth_form), a page (t/conf/farm.lua) and a
# logout:
#
#   /classic/     cookies under a passphrase, which all three servers read
#   /cookie/      cookies under a key file, on the servers with the module under test
#   /database/    rows under the same key file

use strict;
use warnings;

use Digest::SHA  qw(sha1_base64);
use MIME::Base64 ();

use SessionCrypto::DatabasePage qw(server_lines table);
use SessionCrypto::Httpd        ();
use SessionCrypto::Postgres     ();
use SessionCrypto::Store        ();
use SessionCrypto::System       qw(read_file run write_file);

use constant APPLICATIONS => qw(classic cookie database);

my $COOKIE = 'HttpOnly;SameSite=Lax';
my %STORE  = (
    classic  => "SessionCookieName classic path=/classic/;$COOKIE",
    cookie   => "SessionCookieName cookie path=/cookie/;$COOKIE",
    database => "SessionDBDCookieName database path=/database/;$COOKIE\n    SessionDBDCookieRemove Off",
);

# `users` is how many there are; each has its name as its password. `without_store` plants a
# mistake: the servers do not tell each other of logouts.
sub new {
    my ($class, %args) = @_;
    my $self = bless { ciphers => 'aes256', users => $args{users}, without_store => $args{without_store} }, $class;
    $self->{dir} = SessionCrypto::Httpd::env('WORK') . '/farm';
    mkdir $self->{dir} or die "$self->{dir}: $!\n";
    $self->{database} = SessionCrypto::Postgres->new;
    $self->{database}->query(table());
    $self->{store} = SessionCrypto::Store->new;
    $self->htsession(qw(key -o session-keys));
    $self->htsession(qw(key --passphrase -o session-passphrases));
    $self->{servers} = [map { $self->_server($_) } 1 .. 3];
    $_->start for @{ $self->{servers} };
    $self->{balancer} = SessionCrypto::Httpd->new(name => 'balancer', module => 'none', loglevel => 'info', session => '', echo => '^/echo',
        with => [qw(proxy proxy_http proxy_balancer slotmem_shm lbmethod_byrequests)], config => $self->_balancing);
    $self->{balancer}->start;
    return $self;
}

sub balancer { return $_[0]{balancer} }
sub database { return $_[0]{database} }
sub store    { return $_[0]{store} }
sub dir      { return $_[0]{dir} }
sub server   { return $_[0]{servers}[ $_[1] - 1 ] }
sub servers  { return @{ $_[0]{servers} } }

# The servers with the module under test.
sub ours { return grep { $_->{module} eq 'ours' } $_[0]->servers }

sub _server {
    my ($self, $number) = @_;
    my $lua   = SessionCrypto::Httpd::env('LUA') =~ s{[^/]*$}{farm.lua}r;
    my $httpd = SessionCrypto::Httpd->new(name => "server$number", module => $number == 3 ? 'c' : 'ours', session => '',
        echo => '^/echo', handlers => qq(LuaMapHandler "^/\\w+/page" "$lua"));
    $httpd->write_file('users', join '', map { "$_:{SHA}" . sha1_base64($_) . "=\n" } map { "user$_" } 1 .. $self->{users});
    $self->_push($httpd);
    $self->_configure($httpd);
    return $httpd;
}

sub _configure {
    my ($self, $httpd) = @_;
    my $is_ours = $httpd->{module} eq 'ours';
    my %secrets = (
        classic  => "SessionCryptoPassphraseFile session-passphrases\n    SessionCryptoCipher $self->{ciphers}",
        cookie   => 'SessionCryptoKeyFile session-keys',
        database => 'SessionCryptoKeyFile session-keys',
    );
    my @lines = grep { /^DBD/ } split /\n/, server_lines($self->{database});
    push @lines, 'SessionCryptoRevocation ' . ($self->{without_store} ? 'on' : $self->{store}->url) if $is_ours;
    for my $application ($is_ours ? APPLICATIONS : 'classic') {
        push @lines, <<"END";
<Location "/$application/">
    Session On
    SessionEnv On
    SessionHeader X-Session
    SessionMaxAge 600
    SessionExpiryUpdateInterval 60
    $STORE{$application}
    $secrets{$application}
    AuthType form
    AuthName farm
    AuthFormProvider file
    AuthUserFile users
    Require valid-user
</Location>
<Location "/$application/login">
    SetHandler form-login-handler
    AuthFormLoginSuccessLocation /$application/page
    Require all granted
</Location>
<Location "/$application/logout">
    SetHandler form-logout-handler
    AuthFormLogoutLocation /
</Location>
END
    }
    $httpd->{config} = join "\n", @lines;
    return;
}

# The balancer asks another server at once where one refuses the connection, and the one that
# failed again after a second.
sub _balancing {
    my ($self) = @_;
    my $members = sub { join '', map { "    BalancerMember http://127.0.0.1:@{[$_->port]} retry=1 disablereuse=On\n" } @_ };
    my ($all, $ours) = ($members->($self->servers), $members->($self->ours));
    return <<"END";
<Proxy "balancer://all">
$all</Proxy>
<Proxy "balancer://ours">
$ours</Proxy>
ProxyPass "/classic/"  "balancer://all/classic/"
ProxyPass "/cookie/"   "balancer://ours/cookie/"
ProxyPass "/database/" "balancer://ours/database/"
END
}

# Gives the third server the module under test, and then the other applications.
sub replace_third {
    my ($self) = @_;
    my $third = $self->server(3);
    $third->stop;
    $third->{module} = 'ours';
    $self->_configure($third);
    $third->start_again;
    $self->{balancer}{config} = $self->_balancing;
    $self->{balancer}->write_conf;
    $self->{balancer}->graceful;
    return;
}

# Restarts all servers gracefully, one after the other, with these ciphers for /classic/.
sub set_ciphers {
    my ($self, $ciphers) = @_;
    $self->{ciphers} = $ciphers;
    for my $httpd ($self->servers) {
        $self->_configure($httpd);
        $httpd->write_conf;
        $httpd->restart;
    }
    return;
}

# Makes a key that begins in `lead` seconds, and pushes the file to all servers.
sub rotate {
    my ($self, %args) = @_;
    $self->htsession(qw(rotate session-keys --keep 1h --lead), "$args{lead}s");
    $self->_push($_) for $self->servers;
    return;
}

# A mistake: the new key begins at once, and the old one is gone.
sub roll_without_overlap {
    my ($self) = @_;
    unlink "$self->{dir}/session-keys";
    $self->htsession(qw(key -o session-keys));
    $self->_push($_) for $self->servers;
    return;
}

sub _push {
    my ($self, $httpd) = @_;
    $httpd->write_file($_, read_file("$self->{dir}/$_"), 0600) for qw(session-keys session-passphrases);
    return;
}

# Runs the command where the files of the one host that rotates are.
sub htsession {
    my ($self, @arguments) = @_;
    return run('sh', '-c', 'cd "$1" && shift && exec "$@"', 'sh', $self->{dir}, SessionCrypto::Httpd::env('HTSESSION'), @arguments);
}

# Lines of the servers' logs that what happens to the farm does not explain.
sub unexpected {
    my ($self) = @_;
    my @HAPPENS = (
        qr/AH00098: pid file .* overwritten -- Unclean shutdown/,
        # The balancer, while a server is away, and while it starts again itself.
        qr/\[proxy(?:_http|_balancer)?:\w+\] /, qr/\(111\)Connection refused: AH00957/,
        # The library of PostgreSQL prints what a server says while a connection begins.
        qr/^(?:FATAL|WARNING|DETAIL|HINT):  /,
        qr/\[(?:dbd|session_dbd):error\]/, qr/AH01816|AH01822/,
        qr/AH01807|AH01808|AH10212|AH01811/,
        qr/session_crypto:info\].* session ended, the request goes on with an empty one/,
        qr/session_crypto:(?:info|notice)\].* SC0541: /,
        qr/session_crypto:\w+\].*the store|rediss?:/,
        qr/AH00488|AH00159|AH00161|AH00484|AH03490|AH10159|AH10392/,
    );
    my @lines;
    for my $httpd ($self->balancer, $self->servers) {
        $httpd->log->expect($_, 'what happens to the farm') for @HAPPENS;
        push @lines, map { "$httpd->{name}: $_" } $httpd->log->unexpected;
    }
    return @lines;
}

sub stop {
    my ($self) = @_;
    $_->stop for $self->balancer, $self->servers;
    $self->database->stop;
    $self->store->kill;
    return;
}

1;
