package SessionCrypto::Formats;

# A server with sessions in each format and each store, and a way to make and read these
# sessions without the module under test.
#
#   my $formats = SessionCrypto::Formats->new(name => 'births', config => <<'END')->start;
#   <LocationMatch "/short$">
#       SessionCryptoMaxLifetime 2s
#   </LocationMatch>
#   END
#   for my $cell ($formats->cells) {
#       my $page = $cell->{path} . '/short';             # /classic/cookie/short
#       my $cookie = $cell->bring('user=joe');           # the cookie of a session with this text
#       my $res = $formats->get($page, session => $cookie, 'X-S' => 'cart=1');
#       $cell->text($res->token // $cookie);             # the text that the cookie's session has now
#       seen($res)->{session}                            # what the application saw
#       seen($res)->{began}                              # its SESSION_BEGAN
#   }
#
# The classic format is made and read by httpd's own module, in a server of its own. Each
# cell has a server-side passphrase or certificate; sections below its path inherit it.
#
# There is no page whose name begins with `to-`, so that a configuration can lead from there to
# another page (`ErrorDocument 404`).
#
# A request header X-Gate names a file: the page has begun once `FILE.here` is there, and
# answers when FILE is there.

use strict;
use warnings;

use Exporter qw(import);

use SessionCrypto::CertificateJwe ();
use SessionCrypto::Certificates   qw(certificate);
use SessionCrypto::Database       qw($CONNECTION $STATEMENTS);
use SessionCrypto::Httpd          ();
use SessionCrypto::Jwe            ();

our @EXPORT_OK = qw(seen);

use constant PASSPHRASE => 'a passphrase of three formats';

my $LIFE = <<'END';
function handle(r)
    r.headers_out["X-S"] = r.headers_in["X-S"]
    r.content_type = "text/plain"
    local gate = r.headers_in["X-Gate"]
    if gate then
        io.open(gate .. ".here", "w"):close()
        local file = io.open(gate)
        while not file do
            r.usleep(5000)
            file = io.open(gate)
        end
        file:close()
    end
    r:puts("session=", r.subprocess_env["HTTP_SESSION"] or "", "\n")
    r:puts("began=", r.subprocess_env["SESSION_BEGAN"] or "", "\n")
    r:puts("before=", r.subprocess_env["REDIRECT_SESSION_BEGAN"] or "", "\n")
    return apache2.OK
end
END

my $COMMON = <<"END";
Session On
SessionEnv On
SessionHeader X-S
$CONNECTION
END

my $STORES = <<'END';
<LocationMatch "^/\w+/cookie/">
    SessionCookieName session path=/
</LocationMatch>
<LocationMatch "^/\w+/database/">
    SessionDBDCookieName session path=/
    SessionDBDCookieRemove Off
</LocationMatch>
END

sub new {
    my ($class, %args) = @_;
    my ($lua) = SessionCrypto::Httpd::env('LUA') =~ m{^(.*)/};
    my $httpd = SessionCrypto::Httpd->new(
        one_child => 1, %args, session => '', echo => '^/echo',
        handlers => qq(LuaMapHandler ^/sql "$lua/sql.lua"\nLuaMapHandler ^/(?:clear|\\w+/(?:cookie|database)/(?!to-)) "\@DIR\@/life.lua"));
    $httpd->{handlers} =~ s/\@DIR\@/$httpd->{dir}/g;
    $httpd->write_file('life.lua', $LIFE);
    my $self = bless { httpd => $httpd, config => $args{config} // '' }, $class;
    my $pair = certificate($httpd->dir, 'formats', 'ec:P-256');
    $self->{jwe}         = SessionCrypto::Jwe->new(passphrase => PASSPHRASE);
    $self->{certificate} = SessionCrypto::CertificateJwe->new(%$pair);
    $self->{sections}    = <<"END";
<Location /classic>
    SessionCryptoPassphrase "@{[PASSPHRASE]}"
    SessionCryptoCipher aes256
</Location>
<Location /jwe>
    SessionCryptoPassphrase "@{[PASSPHRASE]}"
    SessionCryptoCipher aes-256-gcm
</Location>
<Location /certificate>
    SessionCryptoCertificateFile    "$pair->{certificate}"
    SessionCryptoCertificateKeyFile "$pair->{key}"
</Location>
END
    return $self;
}

# The server under test.
sub httpd { return $_[0]{httpd} }

# The server with httpd's own module. It has the classic format at /classic/cookie/.
sub c { return $_[0]{c} }

sub start {
    my ($self) = @_;
    my $httpd = $self->{httpd};
    # A child prepares statements when it starts, so the table has to be there.
    $httpd->{config} = $COMMON;
    $httpd->start;
    $self->{client} = $httpd->client;
    $self->sql('create table session (key text primary key, value text, expiry integer)');
    $httpd->stop;
    $httpd->{config} = $COMMON . $STATEMENTS . $STORES . $self->{sections} . $self->{config};
    $httpd->start;
    $self->{client} = $httpd->client;
    $self->{c} = SessionCrypto::Httpd->new(name => "$httpd->{name}_c", module => 'c', one_child => 1, config => <<"END")->start;
SessionCryptoPassphrase "@{[PASSPHRASE]}"
SessionCryptoCipher aes256
END
    $self->{c_client} = $self->{c}->client;
    return $self;
}

sub stop {
    my ($self) = @_;
    $_->stop for @$self{qw(httpd c)};
    $self->{c}->log->clean('nothing unexpected in error_log of the C module');
    return;
}

sub cells {
    my ($self) = @_;
    return map {
        my (undef, $format, $store) = split m{/};
        bless { formats => $self, format => $format, store => $store, path => $_, name => "$format, $store" },
            'SessionCrypto::Formats::Cell'
    } paths();
}

# The paths of all cells.
sub paths { return map { my $format = $_; map { "/$format/$_" } qw(cookie database) } qw(classic jwe certificate) }

sub client { return $_[0]{client} }
sub get    { my ($self, @request) = @_; return $self->{client}->get(@request) }
sub post   { my ($self, @request) = @_; return $self->{client}->post(@request) }

# The session and the times that a page printed, by name.
sub seen {
    my ($res) = @_;
    return { $res->body =~ /^(\w+)=(.*)$/mg };
}

sub sql {
    my ($self, $statement) = @_;
    return split /\n/, $self->{client}->get('/sql', 'X-Sql' => $statement)->body;
}

sub seal {
    my ($self, $format, $text) = @_;
    return $self->{c_client}->get('/', 'X-S' => $text)->token if $format eq 'classic';
    return $self->{$format}->token(session => $text);
}

sub open {
    my ($self, $format, $token) = @_;
    return $self->{c_client}->get('/', session => $token)->body if $format eq 'classic';
    return $self->{$format}->open($token);
}

package SessionCrypto::Formats::Cell;

use Crypt::PRNG qw(random_bytes_hex);

# The value of a cookie whose session has this text.
sub bring {
    my ($self, $text) = @_;
    my $formats = $self->{formats};
    my $token   = $formats->seal($self->{format}, $text) // die "cannot make $self->{name}: $text\n";
    return $token if $self->{store} eq 'cookie';
    my $key = random_bytes_hex(16) =~ s/^(.{8})(.{4})(.{4})(.{4})/$1-$2-$3-$4-/r;
    $formats->sql("insert into session (value, expiry, key) values ('$token', 0, '$key')");
    return $key;
}

# The token that a cookie stands for.
sub token {
    my ($self, $cookie) = @_;
    return $cookie if $self->{store} eq 'cookie';
    $cookie =~ /\A[0-9a-f-]{36}\z/ or die "no key: $cookie\n";
    return ($self->{formats}->sql("select value from session where key = '$cookie'"))[0] // '';
}

# The text of a cookie's session; empty if there is none.
sub text {
    my ($self, $cookie) = @_;
    return '' if !length $cookie;
    my $token = $self->token($cookie);
    return length $token ? $self->{formats}->open($self->{format}, $token) // '' : '';
}

1;
