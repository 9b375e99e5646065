package SessionCrypto::Levels;

# Virtual hosts with settings at some of the levels below. All of the levels apply to
# the URL /in/nested of the host. httpd merges them in this order:
#
#   server       the main server
#   vhost        <VirtualHost>
#   directory    <Directory>
#   htaccess     a .htaccess file in that directory
#   location     <Location>
#   nested       a <Location> below it
#   if           <If>
#
#   $config .= host($httpd, $number, { vhost => [@lines], nested => [@lines] });
#   $httpd->client(host => "case$number")->get('/in/nested')
#   outer('htaccess')                    # the levels around it, the outermost first
#   outermost(qw(nested vhost))          # vhost
#
# A test writes the lines of the level `server` itself.

use strict;
use warnings;

use Exporter qw(import);

our @EXPORT_OK = qw(@LEVELS host outer outermost);

our @LEVELS = qw(server vhost directory htaccess location nested if);
my %RANK    = map { $LEVELS[$_] => $_ } 0 .. $#LEVELS;

sub outer { return @LEVELS[0 .. $RANK{ $_[0] } - 1] }

sub outermost { return (sort { $RANK{$a} <=> $RANK{$b} } @_)[0] }

sub host {
    my ($httpd, $number, $levels) = @_;
    my $lines  = sub { join "\n", @{ $levels->{ $_[0] } // [] } };
    my $root   = $httpd->htdocs . "/case$number";
    $httpd->write_file("htdocs/case$number/in/.htaccess", $lines->('htaccess') . "\n");
    return <<"END";
<VirtualHost *>
ServerName case$number
DocumentRoot "$root"
@{[$lines->('vhost')]}
<Directory "$root/in">
@{[$lines->('directory')]}
</Directory>
<Location /in>
@{[$lines->('location')]}
</Location>
<Location /in/nested>
@{[$lines->('nested')]}
</Location>
<If "true">
@{[$lines->('if')]}
</If>
</VirtualHost>
END
}

1;
