package SessionCrypto::HardwareToken;

# A hardware token with private keys, for which SoftHSM stands in. No key leaves it.
#
#   my $hardware = SessionCrypto::HardwareToken->new("$dir/hsm", pin => 'a PIN');
#   my $path = $hardware->make_key('web', 'rsa:2048');        # and its certificate, in a file
#   $hardware->make_key('sign', 'ec:P-256', '--usage-sign');  # and options of pkcs11-tool
#   $hardware->store_key('web', "$dir/web.key");              # a key that is in a file too
#   $hardware->store_certificate('web');                      # and on the hardware token
#   $hardware->uri('web')                                     # of the private key
#   $hardware->uri('web', type => 'cert', 'pin-value' => 'a PIN');
#   $hardware->take_away;   $hardware->put_back;
#   my @calls = $hardware->watch(sub { ... });                # 'C_Login a PIN', 'C_Sign'
#
# Servers and all programs that know PKCS#11 find it through %ENV.

use strict;
use warnings;

use File::Path qw(make_path);

use SessionCrypto::Certificates qw(openssl);
use SessionCrypto::Engines      qw(need_engine);
use SessionCrypto::System       qw(run write_file);

use constant NAME => 'sessions';

my @SOFTHSM = (glob('/usr/lib/softhsm/libsofthsm2.so /usr/lib/*/softhsm/libsofthsm2.so'),
    glob('/usr/lib*/pkcs11/libsofthsm2.so /usr/lib*/softhsm/libsofthsm2.so /usr/local/lib/softhsm/libsofthsm2.so'));
my @SPY = glob '/usr/lib/*/pkcs11-spy.so /usr/lib/*/pkcs11/pkcs11-spy.so /usr/lib*/pkcs11-spy.so /usr/lib*/pkcs11/pkcs11-spy.so';

my %TYPE = ('rsa:2048' => 'rsa:2048', 'ec:P-256' => 'EC:prime256v1', 'ec:P-384' => 'EC:secp384r1');

sub new {
    my ($class, $dir, %args) = @_;
    need_engine('pkcs11', 'libengine-pkcs11-openssl');
    my ($softhsm) = grep { -e } @SOFTHSM or die "no SoftHSM: install softhsm2\n";
    my $self = bless { dir => $dir, pin => $args{pin}, softhsm => $softhsm, keys => 0 }, $class;
    make_path("$dir/tokens");
    write_file("$dir/softhsm2.conf", "directories.tokendir = $dir/tokens\nlog.level = ERROR\n");
    $ENV{SOFTHSM2_CONF}      = "$dir/softhsm2.conf";
    $ENV{PKCS11_MODULE_PATH} = $softhsm;
    run(qw(softhsm2-util --init-token --free --label), NAME, '--so-pin', "$args{pin}-so", '--pin', $args{pin});
    return $self;
}

# Makes a key, and returns the path of its certificate.
sub make_key {
    my ($self, $name, $kind, @options) = @_;
    $self->tool('--keypairgen', '--key-type', $TYPE{$kind}, '--label', $name, '--id', sprintf('%02x', ++$self->{keys}), @options);
    my $path = "$self->{dir}/$name.pem";
    openssl(qw(req -x509 -engine pkcs11 -keyform engine -days 30), '-subj', "/CN=$name", '-out', $path,
        '-key', $self->uri($name, 'pin-value' => $self->{pin}));
    return $path;
}

# Copies a key in PKCS#8 to the hardware token, with its public key: the engine compares
# that with the certificate's.
sub store_key {
    my ($self, $name, $path) = @_;
    my @usage = map { "--usage-$_" } qw(sign decrypt derive);
    my @as = ('--label', $name, '--id', sprintf('%02x', ++$self->{keys}));
    openssl('pkey', '-in', $path, '-pubout', '-outform', 'DER', '-out', "$self->{dir}/$name.pub");
    $self->tool('--write-object', $path, '--type', 'privkey', @as, @usage);
    $self->tool('--write-object', "$self->{dir}/$name.pub", '--type', 'pubkey', @as);
    return;
}

sub store_certificate {
    my ($self, $name) = @_;
    my $path = "$self->{dir}/$name.pem";
    openssl('x509', '-in', $path, '-outform', 'DER', '-out', "$path.der");
    $self->tool('--write-object', "$path.der", '--type', 'cert', '--label', $name);
    return;
}

sub uri {
    my ($self, $name, %attributes) = @_;
    %attributes = (token => NAME, object => $name, type => 'private', %attributes);
    return 'pkcs11:' . join ';', map { "$_=$attributes{$_}" } sort keys %attributes;
}

# The PKCS#11 library of the hardware token.
sub library { return $_[0]{softhsm} }

# Handles that processes have on the hardware token become invalid, and stay so when it
# is back.
sub take_away { my ($self) = @_; return move("$self->{dir}/tokens", "$self->{dir}/away") }
sub put_back  { my ($self) = @_; return move("$self->{dir}/away", "$self->{dir}/tokens") }

# Records the calls to the hardware token while `work` runs, of processes that start in
# it.
sub watch {
    my ($self, $work) = @_;
    my ($spy) = grep { -e } @SPY or die "no pkcs11-spy.so: install opensc\n";
    my $output = "$self->{dir}/calls";
    write_file($output, '');
    local $ENV{PKCS11_MODULE_PATH} = $spy;
    local $ENV{PKCS11SPY}          = $self->{softhsm};
    local $ENV{PKCS11SPY_OUTPUT}   = $output;
    $work->(sub { calls($output) });
    return calls($output);
}

# The names of the calls so far; a login has its PIN as well.
sub calls {
    my ($path) = @_;
    open my $file, '<', $path or die "$path: $!\n";
    my (@calls, $in_pin);
    while (<$file>) {
        push @calls, $1 if /^\d+: (C_\w+)/;
        $calls[-1] .= ' ' . pack 'H*', $1 =~ tr/ //dr if $in_pin && /^ +\w{8}  ((?:[0-9A-F]{2} )+)/;
        $in_pin = /^\[in\] pPin\[/;
    }
    return @calls;
}

sub tool {
    my ($self, @arguments) = @_;
    return run('pkcs11-tool', '--module', $self->{softhsm}, '--token-label', NAME, '--login', '--pin', $self->{pin}, @arguments);
}

sub move {
    my ($from, $to) = @_;
    rename $from, $to or die "$from: $!\n";
    return;
}

1;
